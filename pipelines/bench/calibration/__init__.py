"""`bench calibration`: whether what serves promises as much as comes, on logs of several lengths, judged on later rows."""
