"""What is sent by e-mail or webhook when something needs attention."""
