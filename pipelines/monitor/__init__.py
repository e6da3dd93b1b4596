"""What a platform watches once it runs: drift of features, calibration of predictions, skew between serving and offline."""
