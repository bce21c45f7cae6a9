"""What people decide about tasks, how a decision looks before it is taken, and how it is taken back."""
