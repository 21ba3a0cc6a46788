"""Refine with a language model of your own, behind any OpenAI-compatible server.

    python examples/local_server.py --base-url http://localhost:8000/v1

vLLM, llama.cpp, Ollama, LM Studio and others speak this protocol. No key is needed for them. A
server of several models has to be told which one is meant: --model NAME.
"""

import argparse

from zeroseg import LLMPostRefiner, LLMPreRefiner, OpenAIChat, ZeroShotSegmenter
from zeroseg.data import DrawnScenes


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", help="by default the server's only one")
    args = parser.parse_args(arguments)
    chat = OpenAIChat(args.model, base_url=args.base_url)
    for warning in chat.check():
        print(f"warning: {warning}")
    segmenter = ZeroShotSegmenter.from_preset(
        "tiny",
        vocabulary=["animal", "boat", "person"],
        pre_refiner=LLMPreRefiner(chat),
        post_refiner=LLMPostRefiner(chat),
    )
    result = segmenter.segment(DrawnScenes(seed=1).dataset[0].image)
    for exchange in result.trace.exchanges:
        print(f"--- {exchange.purpose}\n{exchange.prompt}\n>>> {exchange.reply}\n")
    usage = result.trace.usage
    print(f"{result.areas}; {usage.prompt_tokens} + {usage.completion_tokens} tokens")


if __name__ == "__main__":
    main()
