"""The web page: one form, one answer, one report, in Chinese and English; rendered here, working without JavaScript."""
