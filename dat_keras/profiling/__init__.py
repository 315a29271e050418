"""What training steps cost: seconds, passes, arithmetic, memory."""
