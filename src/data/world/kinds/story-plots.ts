/**
 * Short stories of three to seven sentences. Slots: {A} {B} two characters with {he} {him} {his} for A and {he2} {him2}
 * {his2} for B, {x} {y} two different nouns and {ax} {ay} the same with an article, {animal} {aanimal} a wild or farm
 * animal, {place} "in the park", {spot} "under the bed", {food} "cheese", {food2} another food, {colour} a colour and {acolour} with its article,
 * {skill} "to swim", {feeling} "happy". Alternatives stand between bars.
 */
export interface PlotQuestion {
  /** Wordings of the question; the last one is reserved for evaluation. */
  readonly ask: readonly string[]
  readonly answer: string
  /** The slots or words of which every one must be in a right answer. */
  readonly accept: string
}

export interface Plot {
  readonly name: string
  /** What "Tell me a story about ..." may name. */
  readonly about: readonly ('x' | 'animal' | 'A')[]
  readonly sentences: readonly string[]
  readonly questions: readonly PlotQuestion[]
}

export const plots: readonly Plot[] = [
  {
    name: 'lost thing',
    about: ['x', 'A'],
    sentences: [
      '{A} had {ax}.|One day {A} got {ax}.|{A} loved {his} {x}.',
      'One morning the {x} was gone.|But on Monday {he} could not find the {x}.|Then {he} lost it.',
      '{A} looked {place}, but it was not there.|{He} looked {place}, but it was not there.',
      '{B} came and helped {him} to look.|{His} friend {B} helped {him}.',
      'At last {B} found the {x} {spot}.|Then {B} saw the {x} {spot}.',
      '{A} was very {feeling} and said thank you.|{A} was {feeling} and thanked {B}.',
    ],
    questions: [
      {
        ask: ['What did {A} lose?', 'Which thing was gone?', 'What was {A} looking for?'],
        answer: '{A} lost the {x}.',
        accept: '{x}',
      },
      {
        ask: ['Who helped {A}?', 'Who found the {x}?', 'Which person found the {x} in the end?'],
        answer: '{B} found the {x}.',
        accept: '{B}',
      },
      {
        ask: ['Where was the {x}?', 'Where did {B} find the {x}?', 'In which place did the {x} turn up?'],
        answer: 'The {x} was {spot}.',
        accept: '{spot}',
      },
      {
        ask: ['Where did {A} look first?', 'Where did {A} look?', 'In which place did {A} look first?'],
        answer: '{A} looked {place}.',
        accept: '{place}',
      },
      {
        ask: ['How did {A} feel at the end?', 'How did {A} feel?', 'What was the mood of {A} at the end?'],
        answer: '{A} was {feeling}.',
        accept: '{feeling}',
      },
    ],
  },
  {
    name: 'hurt animal',
    about: ['animal', 'A'],
    sentences: [
      '{A} was walking {place}.|One day {A} went for a walk {place}.',
      'There {he} saw a small {animal}.|{He} found a little {animal} there.',
      'The {animal} had a hurt leg and could not walk.|It had a hurt leg.',
      '{A} took it home and gave it {food}.|{He} carried it home and gave it {food}.',
      'After a week the {animal} could run again.|Soon its leg was well again.',
      '{A} was {feeling} and let it go.|Then {A} let it go and was {feeling}.',
    ],
    questions: [
      {
        ask: ['What did {A} find?', 'Which animal did {A} find?', 'Which animal was hurt in the story?'],
        answer: '{A} found a small {animal}.',
        accept: '{animal}',
      },
      {
        ask: ['Where was {A} walking?', 'Where did {A} go for a walk?', 'In which place did {A} walk?'],
        answer: '{A} was walking {place}.',
        accept: '{place}',
      },
      {
        ask: [
          'What did {A} give the {animal}?',
          'What did the {animal} get to eat?',
          'What food did {A} bring to the {animal}?',
        ],
        answer: '{A} gave the {animal} {food}.',
        accept: '{food}',
      },
      {
        ask: [
          'Why could the {animal} not walk?',
          'What was wrong with the {animal}?',
          'Which problem did the {animal} have?',
        ],
        answer: 'The {animal} had a hurt leg.',
        accept: 'leg',
      },
    ],
  },
  {
    name: 'present',
    about: ['x', 'A'],
    sentences: [
      'It was the birthday of {B}.|{B} had a birthday.',
      '{A} wanted to give {him2} a present.|{A} thought about a nice present.',
      '{He} went to the market and bought {ax}.|{He} went to a shop and bought {ax}.|{He} made {ax} at home.',
      'It was {colour}, because {B} liked that colour.|{He} painted it {colour}.',
      '{B} opened the box and laughed.|{B} opened the present and smiled.',
      '"Thank you, {A}," said {B}. "It is lovely."|"This is the best present," said {B}.',
    ],
    questions: [
      {
        ask: ['Who had a birthday?', 'Whose birthday was it?', 'Which person had a birthday that day?'],
        answer: '{B} had a birthday.',
        accept: '{B}',
      },
      {
        ask: ['What did {A} give to {B}?', 'What was the present?', 'Which present did {B} get?'],
        answer: '{A} gave {B} {ax}.',
        accept: '{x}',
      },
      {
        ask: ['What colour was the {x}?', 'Which colour did the {x} have?', 'In which colour was the present?'],
        answer: 'The {x} was {colour}.',
        accept: '{colour}',
      },
      {
        ask: ['Who gave a present to {B}?', 'Who gave {B} {ax}?', 'From whom did {B} get a present?'],
        answer: '{A} gave a present to {B}.',
        accept: '{A}',
      },
    ],
  },
  {
    name: 'rainy day',
    about: ['A', 'x'],
    sentences: [
      '{A} wanted to play {place}.|{A} and {B} wanted to play {place}.',
      'But it began to rain.|But dark clouds came and it rained.',
      'So {A} stayed at home and drew {ax}.|So {he} stayed inside and painted {ax}.',
      'Then {he} ate {food} with {B}.|{B} came and they ate {food}.',
      'In the evening the sun came out again.|Later the rain stopped.',
    ],
    questions: [
      {
        ask: ['Where did {A} want to play?', 'Where did {A} want to go?', 'In which place was the game planned?'],
        answer: '{A} wanted to play {place}.',
        accept: '{place}',
      },
      {
        ask: ['Why did {A} stay at home?', 'Why did {A} not go out?', 'For what reason did {A} not play outside?'],
        answer: '{A} stayed at home because it rained.',
        accept: 'rain',
      },
      {
        ask: [
          'What did {A} make a picture of?',
          'What was on the picture?',
          'What could you see on the picture of {A}?',
        ],
        answer: '{A} made a picture of {ax}.',
        accept: '{x}',
      },
      {
        ask: ['What did they eat?', 'What did {A} and {B} eat?', 'Which food was there for {A} and {B}?'],
        answer: 'They ate {food}.',
        accept: '{food}',
      },
    ],
  },
  {
    name: 'broken thing',
    about: ['x', 'A'],
    sentences: [
      '{A} was playing at home.|{A} ran through the house.',
      'By mistake {he} broke the {x} of {his} mother.|Then {he} broke the {x} of {his} mother.',
      '{A} was afraid.|First {A} wanted to hide the {x}.',
      'But {he} told the truth.|But then {he} went to {his} mother and told the truth.',
      '{His} mother was not angry.|The mother was not angry, because {A} was honest.',
      'They mended the {x} together with glue.|Together they mended the {x}.',
    ],
    questions: [
      {
        ask: ['What did {A} break?', 'Which thing did {A} break?', 'What was broken in the story?'],
        answer: '{A} broke the {x}.',
        accept: '{x}',
      },
      {
        ask: ['What did {A} tell {his} mother?', 'Did {A} tell the truth?', 'Was {A} honest?'],
        answer: '{A} told the truth.',
        accept: 'truth',
      },
      {
        ask: ['Whose {x} was it?', 'Who was the owner of the {x}?', 'To whom did the {x} belong?'],
        answer: 'It was the {x} of the mother of {A}.',
        accept: 'mother',
      },
    ],
  },
  {
    name: 'learning',
    about: ['A'],
    sentences: [
      '{A} wanted to learn {skill}.|{A} could not do it yet, but {he} wanted to learn {skill}.',
      'At first it was very hard.|On the first day it did not work.',
      '{B} said, "Do not stop. You can do it."|{B} showed {him} how to do it.',
      '{A} practised every day {place}.|So {A} practised {place} every afternoon.',
      'After {number} weeks {he} could do it.|It took {number} weeks, but then {he} could do it.',
      '{A} was {feeling}.|Now {A} was {feeling}.',
    ],
    questions: [
      {
        ask: ['What did {A} want to learn?', 'What did {A} learn?', 'Which skill did {A} want to have?'],
        answer: '{A} wanted to learn {skill}.',
        accept: '{skill}',
      },
      {
        ask: ['Who helped {A}?', 'Who was a help to {A}?', 'Which person helped {A} to learn?'],
        answer: '{B} helped {A}.',
        accept: '{B}',
      },
      {
        ask: ['Where did {A} practise?', 'In which place did {A} practise?', 'Which place did {A} use for practice?'],
        answer: '{A} practised {place}.',
        accept: '{place}',
      },
      {
        ask: ['How long did it take?', 'How many weeks did it take?', 'After how many weeks could {A} do it?'],
        answer: 'It took {number} weeks.',
        accept: '{number}',
      },
    ],
  },
  {
    name: 'race',
    about: ['A'],
    sentences: [
      '{A} and {B} ran a race {place}.|One day {A} and {B} had a race {place}.',
      '{A} was faster.|{A} was in front.',
      'Then {B} fell over {ax}.|But {B} fell over {ax} and cried.',
      '{A} stopped and helped {him2} up.|{A} turned round and helped {him2}.',
      'Nobody won, but both were {feeling}.|They went to the finish together and were {feeling}.',
    ],
    questions: [
      { ask: ['Who fell?', 'Who fell in the race?', 'Which runner fell down?'], answer: '{B} fell.', accept: '{B}' },
      {
        ask: ['Who was faster?', 'Who was in front?', 'Which runner was ahead?'],
        answer: '{A} was faster.',
        accept: '{A}',
      },
      {
        ask: ['Where was the race?', 'Where did they run?', 'In which place did the race happen?'],
        answer: 'The race was {place}.',
        accept: '{place}',
      },
      {
        ask: ['What did {B} fall over?', 'Over what did {B} fall?', 'Which thing made {B} fall?'],
        answer: '{B} fell over {ax}.',
        accept: '{x}',
      },
    ],
  },
  {
    name: 'two animals',
    about: ['animal'],
    sentences: [
      '{Aanimal2} had a lot of {food}.|Once there was {aanimal2} that had a lot of {food}.',
      '{Aanimal} came and was very hungry.|One cold day a hungry {animal} came along.',
      '"Please give me some {food}," said the {animal}.|"Can I have some {food}?" asked the {animal}.',
      'The {animal2} was kind and shared the {food}.|The {animal2} gave half of the {food} to the {animal}.',
      'Later the {animal2} was in trouble, and the {animal} helped it.|From that day the two animals were friends.',
      'A kind heart finds friends.|When you share, you find friends.',
    ],
    questions: [
      {
        ask: ['Who was hungry?', 'Which animal was hungry?', 'Which animal came without food?'],
        answer: 'The {animal} was hungry.',
        accept: '{animal}',
      },
      {
        ask: ['Which animal had food?', 'Who had the {food}?', 'Which animal was the owner of the food?'],
        answer: 'The {animal2} had the {food}.',
        accept: '{animal2}',
      },
      {
        ask: ['What did the {animal2} share?', 'What food did the {animal2} have?', 'Which food was shared?'],
        answer: 'The {animal2} shared the {food}.',
        accept: '{food}',
      },
    ],
  },
  {
    name: 'boat trip',
    about: ['A'],
    sentences: [
      '{A} and {B} went to sea in a small {colour} boat.|One day {A} and {B} took {acolour} boat and went out to sea.',
      'They had {food} and {food2} with them.|In a basket they had {food} and {food2}.',
      'Then a storm came and the waves got high.|Suddenly the wind was strong and the sky was dark.',
      '{B} saw the light of the lighthouse.|Then {B} saw a light far away.',
      'They followed the light and came home safe.|They rowed to the light and were safe.',
    ],
    questions: [
      {
        ask: ['Who saw the light?', 'Who saw the light of the lighthouse?', 'Which of them saw a light?'],
        answer: '{B} saw the light.',
        accept: '{B}',
      },
      {
        ask: ['What colour was the boat?', 'Which colour did the boat have?', 'In which colour was the boat painted?'],
        answer: 'The boat was {colour}.',
        accept: '{colour}',
      },
      {
        ask: ['What food did they have?', 'What did they have with them?', 'Which food was on the boat?'],
        answer: 'They had {food} and {food2} with them.',
        accept: '{food} {food2}',
      },
      {
        ask: ['Who went with {A}?', 'With whom did {A} go to sea?', 'Which friend came along with {A}?'],
        answer: '{B} went with {A}.',
        accept: '{B}',
      },
    ],
  },
  {
    name: 'seed',
    about: ['A'],
    sentences: [
      'In spring {A} put a seed into the soil {garden}.|{A} planted a seed {garden}.',
      'Every day {he} gave it water.|{He} gave it water every morning.',
      '{B} said, "Nothing will grow there."|{B} laughed and said that nothing would grow.',
      'But {A} was patient.|But {A} waited and waited.',
      'After {number} weeks {acolour} flower opened.|{Number} weeks later there was {acolour} flower.',
      '{A} gave the flower to {B}.|Then {B} was surprised, and {A} gave {him2} the flower.',
    ],
    questions: [
      {
        ask: [
          'What colour was the flower?',
          'Which colour did the flower have?',
          'In which colour did the flower bloom?',
        ],
        answer: 'The flower was {colour}.',
        accept: '{colour}',
      },
      {
        ask: ['Where did {A} plant the seed?', 'Where was the seed?', 'In which place was the seed planted?'],
        answer: '{A} planted the seed {garden}.',
        accept: '{garden}',
      },
      {
        ask: ['Who got the flower?', 'To whom did {A} give the flower?', 'Which person received the flower?'],
        answer: '{B} got the flower.',
        accept: '{B}',
      },
      {
        ask: [
          'What did {A} give the seed every day?',
          'What did the seed get every day?',
          'With what did {A} help the seed?',
        ],
        answer: '{A} gave it water.',
        accept: 'water',
      },
    ],
  },
  {
    name: 'swap',
    about: ['x', 'A'],
    sentences: [
      '{A} had {ax}, but {he} wanted {ay}.|{A} had {ax} and did not need it.',
      '{B} had {ay}.|{His} friend {B} had {ay}.',
      'They met {place}.|One afternoon they met {place}.',
      '"Do you want to swap?" asked {A}.|"Let us swap," said {A}.',
      '{B} said yes and took the {x}.|{B} was glad and gave {him} the {y}.',
      'Now both were {feeling}.|Both went home {feeling}.',
    ],
    questions: [
      {
        ask: [
          'What did {A} have at first?',
          'What did {A} have in the beginning?',
          'Which thing was in the hands of {A} at first?',
        ],
        answer: '{A} had {ax} at first.',
        accept: '{x}',
      },
      {
        ask: [
          'What did {B} have at first?',
          'What did {B} have in the beginning?',
          'Which thing was in the hands of {B} at first?',
        ],
        answer: '{B} had {ay} at first.',
        accept: '{y}',
      },
      {
        ask: ['Where did they meet?', 'Where did {A} and {B} meet?', 'In which place did the two meet?'],
        answer: 'They met {place}.',
        accept: '{place}',
      },
      {
        ask: ['What did {A} have at the end?', 'What did {A} get?', 'Which thing did {A} take home?'],
        answer: '{A} had {ay} at the end.',
        accept: '{y}',
      },
    ],
  },
  {
    name: 'night noise',
    about: ['animal', 'A'],
    sentences: [
      'One night {A} heard a strange noise.|It was dark, and {A} heard a noise.',
      'It came from {from}.|The noise came from {from}.',
      '{A} was afraid, but {he} took a torch.|{He} was afraid and woke {B}.',
      '{He} opened the door very slowly.|Slowly {he} went to look.',
      'It was only {aanimal} that was looking for {food}.|There sat {aanimal} and ate {food}.',
      '{A} laughed and went back to bed.|Then {A} could laugh and sleep again.',
    ],
    questions: [
      {
        ask: ['What made the noise?', 'Which animal made the noise?', 'From which animal did the noise come?'],
        answer: '{Aanimal} made the noise.',
        accept: '{animal}',
      },
      {
        ask: ['Where did the noise come from?', 'From where did the noise come?', 'In which place was the noise?'],
        answer: 'The noise came from {from}.',
        accept: '{from}',
      },
      {
        ask: ['When did {A} hear the noise?', 'Was it day or night?', 'At what time of the day did it happen?'],
        answer: '{A} heard the noise at night.',
        accept: 'night',
      },
      {
        ask: ['How did {A} feel at first?', 'How did {A} feel?', 'What was the feeling of {A} at first?'],
        answer: '{A} was afraid.',
        accept: 'afraid',
      },
    ],
  },
  {
    name: 'new friend',
    about: ['A', 'x'],
    sentences: [
      '{A} was new at school.|It was the first day at a new school for {A}.',
      '{He} had no friends there and sat alone.|{He} was shy and sat alone {place}.',
      '{B} came with {ax}.|Then {B} came and had {ax}.',
      '"Do you want to play with me?" asked {B}.|{B} asked {him} to play.',
      '{A} said yes, and they played all day.|They played together until the evening.',
      'Now {A} had a friend.|{A} was not alone any more.',
    ],
    questions: [
      {
        ask: ['Who was new at school?', 'Who was the new child?', 'Which child did not know the school yet?'],
        answer: '{A} was new at school.',
        accept: '{A}',
      },
      {
        ask: ['What did {B} have?', 'What did {B} bring?', 'With which thing did {B} come?'],
        answer: '{B} had {ax}.',
        accept: '{x}',
      },
      {
        ask: ['Who asked {A} to play?', 'Who wanted to play with {A}?', 'Which child came to play with {A}?'],
        answer: '{B} asked {A} to play.',
        accept: '{B}',
      },
    ],
  },
  {
    name: 'picnic',
    about: ['A'],
    sentences: [
      '{A} and {B} had a picnic {place}.|On a sunny day {A} and {B} went for a picnic {place}.',
      '{A} brought {food} and {B} brought {food2}.|{B} brought {food2} and {A} brought {food}.',
      'Suddenly {aanimal} came and took the {food}.|They turned round, and {aanimal} ate the {food}.',
      'First they were cross, but then they laughed.|{A} shouted, but {B} only laughed.',
      'They ate the {food2} and were {feeling}.|So they shared the {food2}.',
    ],
    questions: [
      {
        ask: ['What did {A} bring?', 'What food did {A} bring?', 'Which food came from {A}?'],
        answer: '{A} brought {food}.',
        accept: '{food}',
      },
      {
        ask: ['What did {B} bring?', 'What food did {B} bring?', 'Which food came from {B}?'],
        answer: '{B} brought {food2}.',
        accept: '{food2}',
      },
      {
        ask: ['Which animal came?', 'Who took the {food}?', 'Which animal was the thief?'],
        answer: '{Aanimal} took the {food}.',
        accept: '{animal}',
      },
      {
        ask: ['Where was the picnic?', 'Where did they have a picnic?', 'In which place did they eat outside?'],
        answer: 'The picnic was {place}.',
        accept: '{place}',
      },
    ],
  },
  {
    name: 'found money',
    about: ['A'],
    sentences: [
      '{A} found {acolour} purse {place}.|One day {A} saw {acolour} purse {place}.',
      'There were {number} coins in it.|It had {number} coins in it.',
      '"I can buy {ax} with this," {he} thought.|{A} thought of buying {ax}.',
      'Then {he} saw that {B} was looking for something.|But then {B} came and looked very sad.',
      '{A} was honest and gave the purse back.|{A} gave the purse back to {B}.',
      '{B} was so {feeling} that {he2} gave {A} one coin.|{B} was very {feeling}.',
    ],
    questions: [
      {
        ask: ['What did {A} find?', 'Which thing did {A} find?', 'What lay there before {A} took it?'],
        answer: '{A} found {acolour} purse.',
        accept: 'purse',
      },
      {
        ask: ['Whose purse was it?', 'Who got the purse back?', 'To whom did the purse belong?'],
        answer: 'It was the purse of {B}.',
        accept: '{B}',
      },
      {
        ask: [
          'How many coins were in the purse?',
          'How many coins were there?',
          'What was the number of coins in the purse?',
        ],
        answer: 'There were {number} coins in the purse.',
        accept: '{number}',
      },
      {
        ask: ['Where was the purse?', 'Where did {A} find the purse?', 'In which place did the purse lie?'],
        answer: 'The purse was {place}.',
        accept: '{place}',
      },
    ],
  },
]
