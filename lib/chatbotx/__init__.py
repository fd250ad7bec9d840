"""All that knows the ChatbotX API."""
