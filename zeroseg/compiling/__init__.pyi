"""The names of the package, and where they are."""

from zeroseg.compiling.chat_words import ChatWords as ChatWords
from zeroseg.compiling.comparing import differences as differences
from zeroseg.compiling.compiled import Compiled as Compiled
from zeroseg.compiling.compiled import compile_words as compile_words
from zeroseg.compiling.file_text import class_file as class_file
from zeroseg.compiling.listed_kinds import ListedKinds as ListedKinds
from zeroseg.compiling.proposals import Proposal as Proposal
from zeroseg.compiling.proposals import Proposed as Proposed
from zeroseg.compiling.proposals import WordSource as WordSource
from zeroseg.compiling.rules import doubts as doubts
from zeroseg.compiling.thesaurus_words import ThesaurusWords as ThesaurusWords
from zeroseg.compiling.wordnet_words import WordNetWords as WordNetWords
