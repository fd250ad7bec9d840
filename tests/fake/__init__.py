"""The parts of the fake ChatbotX, which `tests.fake_chatbotx` puts together."""
