"""What mail programs make of a mail: features of HTML and CSS that some of them lack."""
