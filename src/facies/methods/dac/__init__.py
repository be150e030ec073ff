"""`dac` and `st-dac`: deep adaptive clustering, without and with spatial transformers."""
