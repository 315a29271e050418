"""The Hugging Face Hub: client, references, cache, pull, plan, push."""
