"""The web page: form, answer and report in Chinese and English, rendered on the server without JavaScript."""
