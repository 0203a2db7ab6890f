"""Build the training set (训练数据集) from sales and trace records."""
