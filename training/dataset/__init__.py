"""From sales and trace records to rows that a model learns from."""
