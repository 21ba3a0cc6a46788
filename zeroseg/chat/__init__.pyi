"""The names of the package, and where they are."""

from zeroseg.chat.answer_cache import AnswerCache as AnswerCache
from zeroseg.chat.cached_chat import CachedChat as CachedChat
from zeroseg.chat.chat_model import ChatModel as ChatModel
from zeroseg.chat.chat_model import Conversation as Conversation
from zeroseg.chat.chat_model import Message as Message
from zeroseg.chat.chat_model import Picture as Picture
from zeroseg.chat.chat_model import Reply as Reply
from zeroseg.chat.openai_chat import OpenAIChat as OpenAIChat
from zeroseg.chat.transformers_chat import TransformersChat as TransformersChat
