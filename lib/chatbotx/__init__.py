"""Client for the ChatbotX API: everything in the project that knows its requests and answers."""
