"""Sales as they are reported: entered, judged, confirmed or voided, and how they recentre the model in service."""
