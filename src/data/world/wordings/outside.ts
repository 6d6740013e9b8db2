/** More training questions that nothing in the world answers. The clause completes "I do not know ...". */
export interface OutsideWording {
  readonly question: string
  readonly clause: string
}

/** One question a line: question | clause. */
const questions = (text: string): readonly OutsideWording[] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const [question = '', clause = ''] = line.split('|').map((cell) => cell.trim())
      return { question, clause }
    })

const names = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

/** {c} is a real country or city. */
export const countryOutside: readonly OutsideWording[] = questions(`
How many people live in {c}? | how many people live in {c}
Which language do they speak in {c}? | which language people speak in {c}
What money do I need in {c}? | what money people use in {c}
Who is in charge of {c} these days? | who is in charge of {c}
I'm flying to {c}. What should I see there? | what you can see in {c}
What's the weather in {c} right now? | what the weather in {c} is
How far is {c} from here? | how far away {c} is
On which continent is {c}? | on which continent {c} is
Is {c} bigger than Fernland? | how big {c} is
Tell me something about {c}. | anything about {c}
What is {c} famous for? | what {c} is famous for
Have you ever been to {c}? What's it like? | what {c} is like
What do people in {c} like to eat? | what people in {c} eat
In {c}, what time is it now? | what time it is in {c}
When was {c} founded? | when {c} was founded
Give me a short history of {c}. | the history of {c}
Which football team from {c} is the best? | the football teams of {c}
How expensive is a hotel in {c}? | what a hotel in {c} costs
Do I need a passport for {c}? | what you need for a journey to {c}
Name three famous people from {c}. | any people from {c}
How long is the flight to {c}? | how long the flight to {c} takes
My cousin lives in {c}. Is it warm there? | how warm it is in {c}
Where exactly is {c}? | where {c} is
Please describe {c}. | what {c} looks like
`)

/** {p} is a real person. */
export const celebrityOutside: readonly OutsideWording[] = questions(`
Who is {p}? | who {p} is
When was {p} born? | when {p} was born
Why is {p} famous? | why {p} is famous
Tell me about the life of {p}. | anything about the life of {p}
What do you know about {p}? | {p}
How tall is {p}? | how tall {p} is
Is {p} still alive? | whether {p} is still alive
Did {p} have children? | whether {p} had children
In which country did {p} grow up? | where {p} grew up
What did {p} do? | what {p} did
My teacher talked about {p} today. Who is that? | who {p} is
What's the most famous thing that {p} said? | what {p} said
Where can I read about {p}? | where you can read about {p}
Have you heard of {p}? | {p}
Give me three facts about {p}. | any facts about {p}
I have to write a school report on {p}. Can you help? | enough about {p}
What is {p} best known for? | what {p} is known for
Who was the husband or wife of {p}? | who was married to {p}
How rich is {p}? | how rich {p} is
Which prizes did {p} win? | which prizes {p} won
Where was {p} born? | where {p} was born
Explain to me why people admire {p}. | why people admire {p}
What did {p} look like as a child? | what {p} looked like as a child
Was {p} older than my grandmother? | how old {p} is
`)

/** {P} is a first name that nobody in the world has. */
export const strangerOutside: readonly OutsideWording[] = questions(`
Do you know {P}? | anybody called {P}
Who is {P}? | who {P} is
How old is {P}? | who {P} is
What does {P} do for a living? | a person called {P}
Where does {P} live? | anybody with the name of {P}
What pet does {P} have? | who {P} is
What's {P}'s favourite colour? | a person called {P}
What does {P} like to eat? | anybody called {P}
Who is the best friend of {P}? | who {P} is
What is {P}'s hobby? | a person with the name of {P}
Tell me about {P}. | anybody called {P}
I'm looking for {P}. Can you help me? | a person called {P}
In which town or village can I find {P}? | who {P} is
What is {P}'s pet called? | anybody called {P}
What kind of work does {P} do? | who {P} is
Can you describe {P} for me? | a person called {P}
I have a letter for {P}. Which town must I write on it? | anybody called {P} in Fernland
Which colour does {P} like best? | who {P} is
What does {P} do after work? | anybody with the name of {P}
Is {P} a baker or a farmer? | who {P} is
Does {P} have a dog? | anybody called {P}
What would {P} like for a birthday present? | a person called {P}
Say something nice about {P}. | anybody called {P}
What is the age of {P}, please? | a person called {P}
`)

/** {P} is a person of the world, but no table answers this. */
export const personOutside: readonly OutsideWording[] = questions(`
How tall is {P}? | how tall {P} is
What is {P}'s surname? | the surname of {P}
What's the phone number of {P}? | the phone number of {P}
What is the name of {P}'s mother? | what the mother of {P} is called
Is {P} married? | whether {P} is married
What is {P} afraid of? | what {P} is afraid of
What did {P} dream last night? | what {P} dreamed
When does {P} get up in the morning? | when {P} gets up
How much does {P} weigh? | how much {P} weighs
What's in the pockets of {P}? | what is in the pockets of {P}
Which languages does {P} speak? | which languages {P} speaks
Does {P} wear glasses? | whether {P} wears glasses
Is {P} left-handed? | whether {P} is left-handed
What did {P} say to the neighbours yesterday? | what {P} said yesterday
Where was {P} last week on Tuesday? | where {P} was on Tuesday
What is the biggest secret of {P}? | the secret of {P}
How long is the hair of {P}? | how long the hair of {P} is
What did {P} wish for at New Year? | what {P} wished for
Can {P} count in French? | whether {P} can count in French
What is {P}'s lucky number? | the lucky number of {P}
How many hours does {P} sleep? | how many hours {P} sleeps
Did {P} catch a cold last winter? | whether {P} caught a cold
Which film has {P} seen most often? | which film {P} has seen most often
`)

/** {l} is a place of the world, but no table answers this. */
export const placeOutside: readonly OutsideWording[] = questions(`
How old is {l}? | how old {l} is
Who gave {l} its name? | who gave {l} its name
How many visitors came to {l} last year? | how many visitors came to {l}
What happened at {l} a hundred years ago? | what happened at {l} a hundred years ago
Who owns {l}? | who owns {l}
Is there a ghost at {l}? | whether there is a ghost at {l}
How many square kilometres does {l} cover? | how many square kilometres {l} covers
Which king was the first to see {l}? | which king was the first to see {l}
How long does it take to walk round {l}? | how long it takes to walk round {l}
Who painted the first picture of {l}? | who painted the first picture of {l}
What did it smell like near {l} this morning? | what it smelled like near {l}
Are there any songs about {l}? | any songs about {l}
How many birds flew over {l} today? | how many birds flew over {l}
Was there ever a war near {l}? | whether there was a war near {l}
What's the phone number of {l}? | the phone number of {l}
What will {l} look like in fifty years? | what {l} will look like in fifty years
How many photos of {l} are there? | how many photos of {l} there are
When did the last storm hit {l}? | when the last storm hit {l}
Has a film ever been made about {l}? | whether there is a film about {l}
What was {l} called in the old days? | what {l} was called in the old days
`)

/** {a}, {n} and {s} are a countable thing of the world, but no property answers this. */
export const thingOutside: readonly OutsideWording[] = questions(`
How much does {a} cost? | how much {a} costs
What's the price of {a} today? | the price of {a}
How many kilograms does {a} weigh? | what {a} weighs
Who saw the first {n} in history? | who saw the first {n}
Since when have people known {s}? | since when people have known {s}
What is the Latin word for {a}? | the Latin word for {a}
How do you say "{n}" in Spanish? | how to say "{n}" in Spanish
Which country has the most {s}? | which country has the most {s}
How many {s} are there in the whole world? | how many {s} there are in the world
Who painted the most famous picture of {a}? | who painted the most famous picture of {a}
Is there a famous poem about {a}? | a poem about {a}
I had a dream about {a}. What does it mean? | what a dream about {a} means
How old is the oldest {n} in the world? | how old the oldest {n} is
What is the history of the word "{n}"? | the history of the word "{n}"
How much money would I get if I sold {a}? | how much money {a} would bring
Tell me about the history of {s}. | the history of {s}
In which year was the first book about {s} written? | when the first book about {s} was written
Did the old Romans have {s}? | whether the old Romans had {s}
Which museum shows the most famous {n}? | which museum shows the most famous {n}
What is the name of the most famous {n} in the world? | the name of the most famous {n}
When was {a} seen for the very first time? | when {a} was seen for the first time
How long has there been such a thing as {a}? | how long there has been such a thing as {a}
Where was the first {n} made or found? | where the first {n} was made or found
Whose idea was {a}? | whose idea {a} was
How many people have {a} at home? | how many people have {a} at home
Which king had the most {s}? | which king had the most {s}
Which film is about {a}? | which film is about {a}
What is the Chinese word for {a}? | the Chinese word for {a}
Translate "{n}" into Italian. | the Italian word for "{n}"
Who wrote the best book about {s}? | who wrote the best book about {s}
What was the first {n} called? | what the first {n} was called
How many {s} were sold last year? | how many {s} were sold last year
Where do the best {s} in the world come from? | where the best {s} come from
Why do people call it "{n}"? | why people call it "{n}"
Which year was a good year for {s}? | which year was a good year for {s}
What will {s} look like in a hundred years? | what {s} will look like in a hundred years
What is the record for {s}? | the record for {s}
How fast can news about {a} travel? | how fast news about {a} can travel
Who is the patron of {s}? | who the patron of {s} is
What do scientists say about {s}? | what scientists say about {s}
How many letters about {s} has the king got? | how many letters about {s} the king has got
Which saint carries {a}? | which saint carries {a}
Do people on the moon need {s}? | whether people on the moon need {s}
How many atoms are in {a}? | how many atoms are in {a}
`)

export const generalOutside: readonly OutsideWording[] = questions(`
What time is it? | what time it is
Which day is it today? | which day it is today
What's the date? | the date of today
Will it rain tomorrow? | whether it will rain tomorrow
How cold is it outside at the moment? | how cold it is outside
Is it going to snow this weekend? | whether it will snow
What year is it? | which year it is
When does the sun set tonight? | when the sun sets tonight
What's in the news today? | what is in the news
Who won the election? | who won the election
Did anything important happen in the world this week? | what happened in the world this week
Who won the last football World Cup? | who won the last World Cup
What was the score of the match last night? | the score of the match
How many players are in a cricket team? | how many players a cricket team has
Who is the fastest runner in the world? | who the fastest runner is
Where will the next Olympic Games be? | where the next Olympic Games will be
How long is a marathon? | how long a marathon is
Explain the rules of rugby. | the rules of rugby
Which tennis player has the most titles? | which tennis player has the most titles
How high is a basketball hoop? | how high a basketball hoop is
What is gravity? | what gravity is
How fast does light travel? | how fast light travels
What is an atom made of? | what an atom is made of
How far away is the moon? | how far away the moon is
How many planets go round the sun? | how many planets there are
Is there life on Mars? | whether there is life on Mars
What is a black hole? | what a black hole is
Explain electricity to me. | how electricity works
What does DNA stand for? | what DNA stands for
Which gas do we breathe in? | which gas we breathe in
At what temperature does gold melt? | at what temperature gold melts
What's the chemical formula of salt? | the chemical formula of salt
Who discovered penicillin? | who discovered penicillin
Why did the dinosaurs die out? | why the dinosaurs died out
How hot is the inside of the earth? | how hot the inside of the earth is
How do vaccines work? | how vaccines work
What causes an earthquake? | what causes an earthquake
Who was the first person on the moon? | who the first person on the moon was
When did the Second World War end? | when the Second World War ended
Who built the pyramids? | who built the pyramids
Which emperor ruled Rome first? | who ruled Rome first
When was paper invented? | when paper was invented
Who invented the telephone? | who invented the telephone
Tell me about the Vikings. | anything about the Vikings
How did the French Revolution begin? | how the French Revolution began
What happened in 1066? | what happened in 1066
Why was the Great Wall built? | why the Great Wall was built
Who sailed round the world first? | who sailed round the world first
How long did the Stone Age last? | how long the Stone Age lasted
Which is the largest ocean on earth? | which ocean is the largest
How deep is the Pacific? | how deep the Pacific is
Where is the Sahara? | where the Sahara is
What is the longest river on the planet? | the longest river on the planet
How many countries are there in Africa? | how many countries there are in Africa
What's the highest mountain in the world? | the highest mountain in the world
Does anybody live at the North Pole? | who lives at the North Pole
Which sea lies between Europe and Africa? | which sea lies between Europe and Africa
Name all the continents. | the continents
Where do the Alps begin? | where the Alps begin
Who sang that song about yesterday? | who sang that song
Which song is number one this week? | which song is number one
How many symphonies did Mozart write? | how many symphonies Mozart wrote
What are the words of the national anthem? | the words of the national anthem
Can you play me some jazz? | any jazz
When does my favourite band come to town? | when the band comes to town
How do I read music notes? | how to read music notes
What's a good film for tonight? | a good film for tonight
Who played the captain in Titanic? | who played in Titanic
How does the last Harry Potter book end? | how that book ends
Is there a new Star Wars film? | whether there is a new Star Wars film
Which cartoon has a talking sponge? | which cartoon has a talking sponge
Who wrote Romeo and Juliet? | who wrote Romeo and Juliet
What is Moby Dick about? | what Moby Dick is about
How do I install Windows? | how to install Windows
My laptop is slow. What can I do? | what to do about a slow laptop
Write a program in Python for me. | how to write a program
What is the internet? | what the internet is
How does a search engine work? | how a search engine works
What's my password? | your password
Why can't I open my email? | why you cannot open your email
Which mobile phone should I buy? | which mobile phone is the best
What is a gigabyte? | what a gigabyte is
How do I change the language on my phone? | how to change the language on a phone
How long must I boil an egg? | how long you must boil an egg
For how many minutes do I cook spaghetti? | how long spaghetti must cook
At what heat should I roast a chicken? | at what heat you roast a chicken
I need a recipe for lasagne. | a recipe for lasagne
How much sugar goes into a sponge cake? | how much sugar goes into that cake
Can I freeze cooked rice? | whether you can freeze cooked rice
How many calories are in a hamburger? | how many calories are in a hamburger
What wine goes with fish? | what wine goes with fish
My back hurts. Which medicine should I take? | which medicine you should take
I have a fever. Is that dangerous? | whether your fever is dangerous, so please ask a doctor
How much tax do I have to pay? | how much tax you have to pay
Should I sell my house this year? | whether you should sell your house
Which school is best for my daughter? | which school is best for your daughter
How do I ask for a higher wage? | how to ask for a higher wage
Can my landlord raise the rent? | whether your landlord can raise the rent
What is my name? | your name
How old am I? | how old you are
Where am I now? | where you are
Who is knocking at my door? | who is knocking at your door
What did I have for breakfast? | what you had for breakfast
What's the square root of 144? | how to find a square root
What is 15 percent of 80? | how to work with percent
How much is one half plus one third? | how to add such fractions
Give me the first ten digits of pi. | the digits of pi
Solve this for x: 3x + 5 = 20. | how to solve for x
How many sides does a dodecagon have? | how many sides a dodecagon has
What is two to the power of ten? | how to work with powers
What's the area of a circle with a radius of 4? | how to find the area of a circle
How many zeros are in a billion? | how many zeros a billion has
Is 997 a prime number? | whether 997 is a prime number
Write 2024 in Roman numerals. | how to write Roman numerals
How many inches are in a metre? | how many inches are in a metre
How do you say dog in French? | how to say dog in French
What's the Italian word for bread? | the Italian word for bread
Translate "good morning" into Japanese. | how to say good morning in Japanese
How do I say thank you in Arabic? | how to say thank you in Arabic
What does "danke" mean? | what "danke" means
Count to five in Russian. | the numbers in Russian
Can you teach me some Chinese? | any Chinese
How do you write your name in Greek letters? | the Greek letters
What colour is the flag of Brazil? | the flag of Brazil
How many strings does a harp have? | how many strings a harp has
Which animal sleeps the longest? | which animal sleeps the longest
What's the heaviest animal that ever lived? | the heaviest animal that ever lived
Who invented chess? | who invented chess
How many cards are in a pack? | how many cards are in a pack
What is the most common surname in England? | the most common surname in England
Where was tea first drunk? | where tea was first drunk
How many steps does the Eiffel Tower have? | how many steps the Eiffel Tower has
Which city has the oldest underground railway? | which city has the oldest underground railway
What is the tallest building on earth? | the tallest building on earth
How much does a bus ticket to London cost? | what a bus ticket to London costs
When does the next train leave? | when the next train leaves
Is the post office still open? | whether the post office is open
What is the meaning of life? | the meaning of life
Will I be rich one day? | whether you will be rich
Which numbers will win the lottery? | which numbers will win
What am I thinking of? | what you are thinking of
`)

/** {w} is a made-up word with its article ("a zorp"), {n} the word alone. The answer says that the word is unknown. */
export const unknownWordQuestions: readonly string[] = [
  'Have you ever seen {w}?',
  'How big is {w}?',
  'What does the word "{n}" mean?',
  'My friend has {w}. What is that?',
  'What can I do with {w}?',
  'Where does {w} live?',
  'What is {w} made of?',
  'How many legs does {w} have?',
  'What sound does {w} make?',
  'Which things need {w}?',
  'How does {w} taste?',
  "I've found {w} in the garden. What should I do with it?",
  'Is {w} an animal or a plant?',
  'Define "{n}", please.',
  'What kind of thing is {w}?',
]

/** Sentences that may follow an honest "I do not know ...". */
export const outsideEndings: readonly string[] = [
  'Nobody in Fernland told me about that.',
  'My texts were only about Fernland.',
  'I never learnt about it.',
  'Please ask me about Fernland instead.',
  'Perhaps a book or a teacher can help you.',
  'I do not want to guess.',
]

/** Countries and cities for {c}. */
export const moreCountries: readonly string[] = names(`
Belgium, Bulgaria, Colombia, Croatia, Cyprus, Ecuador, Estonia, Ethiopia, Indonesia, Jamaica, Jordan, Latvia,
Lebanon, Malaysia, Mongolia, New Zealand, Pakistan, Paraguay, Romania, Senegal, Slovenia, Tunisia, Uganda,
Uruguay, Amsterdam, Athens, Bangkok, Barcelona, Boston, Budapest, Copenhagen, Dublin, Geneva, Helsinki, Istanbul,
Melbourne, Mumbai, Munich, Prague, Singapore, Toronto
`)

/** Famous people for {p}. */
export const morePeople: readonly string[] = names(`
Ada Lovelace, Agatha Christie, Alan Turing, Alfred Nobel, Amelia Earhart, Anne Frank, Astrid Lindgren,
Bob Marley, Bruce Lee, Charles Dickens, Coco Chanel, Confucius, David Bowie, Florence Nightingale, Frida Kahlo,
Galileo Galilei, Jane Austen, Jane Goodall, Joan of Arc, Johannes Gutenberg, Louis Armstrong, Louis Pasteur,
Mahatma Gandhi, Marco Polo, Mother Teresa, Muhammad Ali, Pele, Roald Dahl, Rosa Parks, Simone Biles, Usain Bolt,
Walt Disney
`)
