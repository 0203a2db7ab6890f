"""What state a pack is in (电池状态): readings of health, the life it led, and the ageing to expect of both."""
