"""The market of the day (行情): what is quoted, how old each quote is, what a recycler pays for a metal."""
