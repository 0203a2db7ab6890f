"""Records of training runs (训练记录): options, metrics, files and plots in MLflow."""
