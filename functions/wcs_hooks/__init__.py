"""What answers WCS REST hooks in AWS Lambda: a pure core, its adapters to AWS, and the handlers."""
