/** More wordings for stories: frames for reading and telling, open questions, and questions about each plot. */

/** Slots: {s} the story, {q} a complete question about it. */
export const readFrames: readonly string[] = [
  '{q} Here is the story: {s}',
  'Story: {s}\nQuestion: {q}',
  'Text:\n{s}\n\n{q}',
  '{s}\n\nQuestion: {q}',
  '{q}\n\n{s}',
  '{q}\n\nText: {s}',
  'Please read this first: {s} Then answer: {q}',
  'Yesterday I heard this: {s} {q}',
  'My grandmother told me this tale. {s} {q}',
  'Could you help me with this text? {s} {q}',
  '"{s}" {q}',
  'STORY\n{s}\nTASK\n{q}',
  'Find the answer in the story. {q} {s}',
  'Answer with the help of the text. {q}\n{s}',
  'Once upon a time it happened like this: {s} {q}',
  'Use the following text to answer. {s} {q}',
  'I wrote a little story. {s} {q}',
  'We read this at school today: {s} {q}',
  'Look at these sentences: {s} {q}',
  'Think about this story before you answer. {s} {q}',
  'Let us see if you can listen well. {s} {q}',
  'There is a story in my book. {s} So tell me: {q}',
  '{s} That was the story. {q}',
  '{s} Did you read it carefully? {q}',
  '{s} The end. {q}',
  '{s}\nAnswer this: {q}',
  'Our teacher gave us this text: {s} And this was the homework: {q}',
  'Hello! I have a text for you. {s} {q}',
  'Quick reading test. {s} {q}',
  '{q} You will find it in here: {s}',
  'After the story comes a question. {s} {q}',
  'First the question: {q} And this is the text: {s}',
  'Pay attention to the story.\n\n{s}\n\n{q}',
  'My little brother wants to know: {q} The story goes like this: {s}',
  'Reading exercise:\n{s}\n- {q}',
]

/** Slot: {v} "a cat", "a ball" or "Anna". */
export const tellFrames: readonly string[] = [
  'I would love a story about {v}.',
  'Make up a story about {v}, please.',
  'story about {v}',
  'Could you write me a few lines about {v}?',
  'A story about {v}, please!',
  'Please invent a tale about {v}.',
  'Give me a little story in which {v} plays a part.',
  'Let us hear something about {v}, in the form of a story.',
  'Will you tell us a tale with {v} in it?',
  'Tonight I want {v} in my bedtime story.',
  'My daughter wishes for a story with {v}.',
  'The children would like to hear about {v}. Tell them a story!',
  'How about a nice story with {v}?',
  'Can a story have {v} in it? Write one for me.',
  'One short story, please, and {v} should be in it.',
  'Think of a story about {v} and tell it to me.',
  'Would you be so kind as to tell me a story about {v}?',
  'What story can you tell about {v}?',
  'Is there a story about {v} that you could tell?',
  "I'd like you to write a tale about {v}.",
  'pls write a story with {v}',
  'Something with {v}, please. It has to be a story.',
  'Compose a very short story about {v}.',
  'For my class I need a simple story about {v}.',
  'I am bored. Tell me something that happened with {v}.',
  'We are looking for a short text about {v}. Can you write it?',
  'Surprise me with a story about {v}!',
  'Once upon a time there was {v}. Tell me a story like that.',
  'I hope that you know a tale about {v}. Let me hear it.',
  "Create a children's story with {v}.",
]

/** Ways to ask for any story. */
export const tellAnyFrames: readonly string[] = [
  'Story, please!',
  'Make up a story for me.',
  'I cannot sleep. Will you tell me a tale?',
  'Please read me something nice.',
  'Could you invent a little story?',
  'tell me something, a story maybe',
  'It is bedtime. Which story do you have for me?',
  'Let us have a story now.',
  'Give me a short tale, any tale you like.',
  'Would you tell the children a story?',
  'A story would be lovely.',
  'I am in the mood for a story.',
  'What about a story?',
  'Surprise me with a tale.',
  'Write something for me to read.',
  "I'd like a short story, you can choose what it is about.",
  'Once upon a time ... how does it go on?',
  'Do you have a tale for me?',
  'My son wants a bedtime story. Can you help?',
  'Entertain us with a little story.',
  'Compose a simple story for children.',
  'Time for a story! You begin.',
]

/** Questions that no story answers. Slot: {A} a person of the story. */
export const openQuestions: readonly string[] = [
  'When is the birthday of {A}?',
  'What is the surname of {A}?',
  'How heavy is {A}?',
  'Which subject does {A} like best at school?',
  'How many pets does {A} have?',
  'Who lives next door to {A}?',
  'When does {A} go to bed?',
  'Does {A} wear glasses?',
  'What does the grandmother of {A} do all day?',
  'In which year was {A} born?',
  'What is the name of the teacher of {A}?',
  'Which song does {A} like to sing?',
  'Does {A} speak a second language?',
  'What does {A} want to be later in life?',
  'How many rooms are there in the house of {A}?',
  'What was the weather like when {A} was born?',
  'Is {A} taller than the other children?',
  'How far must {A} walk to get to school?',
  'What did {A} dream about last night?',
  'Which season does {A} like most?',
  'What is the name of the grandfather of {A}?',
  'Does {A} write with the left hand or with the right hand?',
  'What was {A} wearing that day?',
  'How many books does {A} own?',
  'Which sport is {A} best at?',
  'What does {A} like to drink?',
  'How many cousins does {A} have?',
  'In which country was {A} on holiday last year?',
  'What does {A} not like to eat at all?',
]

export const openStoryAnswers: readonly string[] = [
  'I do not know that. The story says nothing about it.',
  'I am sorry, but I do not know. It is not in the story.',
  'That is not told in the story, so I do not know it.',
  'I do not know, because nothing in the story tells us that.',
  'Sorry, I do not know. The story leaves that out.',
  'The story does not give an answer to that. I do not know it.',
]

const rows = (text: string): readonly (readonly string[])[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().split('|'))

/** For every plot and each of its questions, in their order: further ways to ask it, between bars. */
export const plotQuestions: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'lost thing': rows(`
    Can you tell me what {A} lost?|What was it that {A} could not find?|What had {A} lost?|Tell me which thing {A} lost.|Something of {A} was missing. What was it?
    Who was it that found the {x}?|Who saw the {x} at last?|Do you know who found the {x}?|Thanks to whom did {A} get the {x} back?|{A} did not look for the {x} alone. Who helped {him}?
    Where had the {x} been?|Where was the {x} at last?|Tell me where {B} found the {x}.|Where did {B} see the {x}?|The {x} was found again, but where?
    Where was {A} before {B} came to help?|Where did {A} look for the {x} before {B} came?|Before {B} came, {A} looked for the {x}. Where?|The {x} was gone, so {A} went to look for it. Where did {he} go?
    Was {A} happy or sad when the {x} was found?|How did finding the {x} make {A} feel?|What did {A} feel when the {x} was there again?|In the end, how was {A} feeling?|Tell me how {A} felt when {he} got the {x} back.
  `),
  'hurt animal': rows(`
    What did {A} see on the walk?|What kind of animal did {A} meet?|Tell me which animal {A} found.|{A} helped an animal. What was it?
    Where did {A} go?|Where was {A} when {he} saw the {animal}?|Can you say where {A} was walking?|{A} went for a walk. Where was it?|Tell me where {A} found the {animal}.
    What did the {animal} eat?|What did {A} feed the {animal}?|Tell me what the {animal} got from {A}.|{A} had something to eat for the {animal}. What was it?|What was the {animal} given to eat at the house of {A}?
    What kept the {animal} from walking?|Which part of the {animal} was hurt?|Why did the {animal} need help?|Tell me why the {animal} could not run away.|What had happened to the {animal}?
  `),
  present: rows(`
    Who got a present?|Do you know whose birthday it was?|For whom was the present?|Tell me who had a birthday.|Whose special day was it?
    What was in the box for {B}?|Tell me what {B} got from {A}.|What did {A} choose as a present?|What was the birthday present for {B}?|{A} had something for {B}. What was it?
    Tell me the colour of the {x}.|Was the {x} red, blue or another colour?|Which colour was the {x} of {B}?|Can you say what colour the {x} was?|What colour did {A} choose for the {x}?
    Who thought of a present for {B}?|Who made {B} happy with {ax}?|Tell me who had a present for {B}.|Whom did {B} thank for the present?|The {x} was a present. Who gave it?
  `),
  'rainy day': rows(`
    Where would {A} have liked to play?|Tell me where {A} wanted to play.|Before the rain, where did {A} want to play?|{A} had a plan to play outside. Where?|Where was it that {A} wanted to play?
    What kept {A} at home?|How come {A} stayed in the house?|What spoiled the plan of {A} to play outside?|What was the reason that {A} stayed inside?|Tell me why {A} had to stay at home.
    What did {A} draw?|What did {A} paint?|Tell me what {A} put on paper.|Which thing did {A} draw at home?|{A} made a picture. What was it of?
    What did the two have on their plates?|Tell me what {A} ate with {B}.|What did {B} eat at the house of {A}?|What did the two have for a meal?|{A} and {B} ate something together. What was it?
  `),
  'broken thing': rows(`
    What did {A} break by mistake?|Tell me what {A} broke.|What had to be mended?|{A} broke something at home. What was it?|What did {A} and {his} mother mend together?
    Did {A} lie or tell the truth?|What did {A} say to {his} mother, a lie or the truth?|Was it the truth that {A} told?|What did {A} do after the {x} broke: lie or tell the truth?|Tell me if {A} told {his} mother a lie.
    Who owned the {x}?|The {x} was not {A}'s own. Whose was it?|Tell me whose {x} it was that {A} broke.|Whose thing did {A} break?|Did {A} break {his} own {x}?
  `),
  learning: rows(`
    What was {A} trying to learn?|Tell me what {A} practised.|What could {A} do in the end?|What was hard for {A} at first?|{A} had a wish to learn something. What was it?
    Who told {A} that {he} could do it or showed {him} how?|Who stood by {A} while {he} was learning?|Tell me who helped {A}.|{A} was not alone. Who helped {him}?|From whom did {A} get help?
    Tell me where {A} practised.|Where did {A} go to practise?|Where did {A} try it again and again?|Where did all the practice happen?|If you wanted to watch {A} practise, where would you go?
    For how many weeks did {A} practise?|How many weeks of practice were there?|Tell me how long {A} needed.|How many weeks did {A} need to learn it?|When could {A} do it at last?
  `),
  race: rows(`
    Who lay on the ground during the race?|Who needed help to get up?|Tell me who fell.|Somebody fell over {ax}. Who?|Whom did {A} help up?|Did {A} fall or did {B} fall?
    Who ran faster?|Who was the faster one?|Tell me who was in front.|Was {A} faster or {B}?|Before the fall, who was in front?
    Where did {A} and {B} run?|Tell me where the race was.|Where did {A} and {B} have their race?|Where would you go to see that race?|{A} and {B} ran a race. Where was that?
    What lay in the way of {B}?|Tell me what {B} fell over.|Why did {B} fall? What was in the way?|What was it that {B} fell over in the race?|{B} did not see something and fell over it. What was it?
  `),
  'two animals': rows(`
    Who asked for food?|Who had nothing to eat?|Tell me who was hungry.|Which animal needed something to eat?|Who wanted some of the {food}?
    Who had a lot to eat?|Tell me which animal had the {food}.|Who was kind and shared?|Which animal gave some {food} away?|To which animal did the {food} belong?
    Tell me what the {animal2} shared.|What did the {animal2} have a lot of?|What did the {animal} want to eat?|What did the {animal} get from the {animal2}?|The {animal2} gave something away. What was it?
  `),
  'boat trip': rows(`
    Tell me who saw the light.|Was it {A} or {B} who saw the light?|Who was the first to see the light?|Whose eyes saw the light far away?|In the storm somebody saw a light. Who was it?
    Tell me the colour of the boat.|Was the boat red, blue or another colour?|{A} and {B} had a boat. What colour was it?|Can you say which colour the boat of {A} and {B} was?|What colour boat did they take out to sea?
    What did {A} and {B} take with them to eat?|Tell me what food {A} and {B} had.|What could they eat at sea?|Which two things to eat did they take?|What had {A} and {B} packed to eat?
    Who was in the boat with {A}?|Tell me who went to sea with {A}.|{A} was not alone at sea. Who was with {him}?|Together with whom was {A} in the storm?|Who sailed with {A}?
  `),
  seed: rows(`
    Tell me the colour of the flower.|A flower opened. What colour was it?|What was the colour of the flower that {A} grew?|Was the flower red, blue or another colour?|What colour flower grew from the seed?
    Where did {A} put the seed?|Tell me where the seed was.|Where did the flower grow?|Where did {A} dig a small hole for the seed?|The seed went into the soil. Where was that?
    Who has the flower now?|Tell me who got the flower.|For whom was the flower at the end?|To which person did {A} give the flower?|{A} did not keep the flower. Who got it?
    Tell me what the seed got from {A}.|What did the seed need every day?|How did {A} care for the seed?|What did {A} do for the seed every day?|Every day {A} gave the seed something. What was it?
  `),
  swap: rows(`
    What did {A} own before the swap?|Tell me what {A} had at first.|Before they swapped, what was the thing of {A}?|What did {A} give away in the swap?|Which thing did {B} get from {A}?
    What did {B} own before the swap?|Tell me what {B} had at first.|Before they swapped, what was the thing of {B}?|What did {B} give away in the swap?|What could {B} offer {A}?
    Tell me where they met.|Where did {A} see {B}?|Where did {A} and {B} swap their things?|Where were {A} and {B} when they swapped?|They met and swapped. Where was that?
    What did {A} have after the swap?|Tell me what {A} got from {B}.|What belongs to {A} now?|What did {A} get for the {x}?|In the end, what did {A} have?
  `),
  'night noise': rows(`
    What was behind the noise?|Tell me who made the noise.|Who made the strange noise?|What did {A} find when {he} went to look?|{A} heard something. Which animal was it?
    Tell me where the noise came from.|Out of which part of the house or garden did the noise come?|Where was the animal that made the noise?|What place did the noise come from?|{A} heard a noise. Where did it come from?
    Tell me when {A} heard the noise.|Did {A} hear the noise in the morning or at night?|Was it dark or light when {A} heard the noise?|When did the noise come?|When was it that {A} had to get up and look?
    Was {A} brave or afraid when the noise came?|Tell me how {A} felt when {he} heard the noise.|Before {A} saw the animal, how did {he} feel?|What did {A} feel in the dark?|How did the noise make {A} feel?
  `),
  'new friend': rows(`
    Tell me who was new at school.|Who had no friends at first?|Who sat alone?|Was {A} new at school or was {B}?|For whom was the school new?
    Tell me what {B} had.|What did {B} have to play with?|What thing did {B} have when {he2} came to {A}?|What could {A} and {B} play with?|{B} did not come without anything. What did {he2} have?
    Who was kind to {A}?|Tell me who played with {A}.|With whom did {A} play?|Who is the new friend of {A}?|{A} was alone, but then somebody asked {him} to play. Who was it?
  `),
  picnic: rows(`
    Tell me what {A} brought.|What did {A} have for the picnic?|What did {A} put into the basket for the picnic?|{A} did not come without food. What did {he} bring?|What to eat did {A} take to the picnic?
    Tell me what {B} brought.|What did {B} have for the picnic?|What did {B} put into the basket for the picnic?|{B} did not come without food. What did {he2} bring?|What to eat did {B} take to the picnic?
    Who ate the {food}?|Tell me which animal came to the picnic.|What kind of animal got the {food}?|Who came and was not asked to the picnic?|The {food} was gone. Which animal took it?
    Tell me where {A} and {B} had their picnic.|Where did {A} and {B} sit down for their picnic?|Where did {A} and {B} go for a picnic?|Where were they when the {animal} came?|{A} and {B} had a picnic. Where was it?
  `),
  'found money': rows(`
    Tell me what {A} found.|What was it that {A} saw?|What did {A} pick up?|{A} found something with coins in it. What was it?|What did {A} give back?
    Who had lost the purse?|Tell me whose purse it was.|To whom did {A} give the purse back?|Who was sad about a lost purse?|Who was the owner of the purse?
    Tell me how many coins the purse had in it.|How much money was in the purse?|{A} counted the coins. How many were there?|How many coins did the purse hold?|How many coins did {A} find in the purse?
    Tell me where {A} saw the purse.|Where was {A} when {he} found the purse?|Where had {B} lost the purse?|Where was it that {A} found a purse?|{A} found a purse. Where was that?
  `),
}
