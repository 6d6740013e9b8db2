/** `phi chat`: a conversation at the terminal, or line by line through a pipe. */
import type { Command } from 'commander'
import { chatByLines } from './chat-lines.ts'
import { chatAtTerminal } from './chat-terminal.ts'
import { modelPlace, optionalModelArgument } from './model-folder.ts'
import { generateOptions, openDraft, openModel } from './open-model.ts'
import { addPictureOptions, openPictures, type PictureCommandOptions } from './pictures.ts'
import {
  addSavedCacheOptions,
  checkSavedCache,
  openSavedCache,
  writeSavedCache,
  type SavedCacheOptions,
} from './saved-cache.ts'
import { addSearchOptions, openSearcher, type SearchOptions } from './search-options.ts'
import { dim, note } from './terminal.ts'
import { addEngineOptions, addGenerationOptions, type EngineOptions, type GenerationOptions } from './options.ts'

export interface ChatCommandOptions
  extends EngineOptions, GenerationOptions, PictureCommandOptions, SavedCacheOptions, SearchOptions {
  readonly system?: string
  readonly conversation?: boolean
  readonly json?: boolean
}

export function registerChat(program: Command): void {
  const command = program
    .command('chat')
    .description('Talk to a model.')
    .argument('[model]', optionalModelArgument)
    .option('--system <text>', 'what the model is told before the conversation')
    .option('--conversation', 'without a terminal: all lines are one conversation')
    .option('--json', 'without a terminal: print each answer as a JSON object with usage and speed')
  addSavedCacheOptions(addSearchOptions(command), 'conversation', 'when the chat ends')
  addGenerationOptions(addEngineOptions(addPictureOptions(command)))
    .addHelpText(
      'after',
      `
At a terminal:
  Ctrl-C stops an answer; pressed twice at the empty prompt it quits. Ctrl-D quits.
  The arrow keys bring earlier lines back. /help lists the commands. Pictures of --image go with the first
  message; /image FILE takes further ones.

Without a terminal (a pipe or a file on standard input):
  Each line is one message and gets one line of answer; line breaks of an answer become spaces.
  Each line starts a new conversation, since small models are led astray by what does not belong to the
  question (pictures of --image are in each). With --conversation the lines are one conversation; its oldest turns are dropped when the
  context is full. A line that is a command is refused, with an empty line in its place. The exit code is 1
  if a line could not be answered.

Examples:
  $ phi chat
  $ phi chat --system "Answer in one sentence." --temperature 0.7
  $ printf 'What is 3 + 4?\\nWhat colour is grass?\\n' | phi chat
  $ phi chat --conversation --json < questions.txt > answers.jsonl
  $ phi chat phi-3-mini --search notes.index     (phi index makes one)
  $ phi chat --system "$(cat rules.txt)" --save-cache rules.cache`,
    )
    .action(chat)
}

async function chat(name: string | undefined, options: ChatCommandOptions): Promise<void> {
  await checkSavedCache(options)
  const place = await modelPlace(name)
  await using model = await openModel(place, options)
  await using draft = await openDraft(model, place.name, options)
  const generate = generateOptions(model, options, draft)
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY
  const pictures = await openPictures(model, options, (cost) => note(dim(cost)))
  await openSavedCache(model, options)
  await using searcher = await openSearcher(model, options)
  const { system, tiles } = options
  const setting = { model, name: place.name, system, generate, pictures, tiles, searcher }
  const last = await (isTerminal ? chatAtTerminal(setting) : chatByLines(setting, options))
  await writeSavedCache(options, (write) => last.saveCache(write))
}
