/** More training wordings for small talk, keyed by the rows of tables/small-talk.ts and separated by bars. */

function list(text: string): readonly string[] {
  return text
    .split(/[|\n]/)
    .map((wording) => wording.trim())
    .filter((wording) => wording !== '')
}

export const smallTalkWordings: Readonly<Record<string, readonly string[]>> = {
  greeting: list(`
    Good morning, Phi! | Good evening, Phi Nano! | Hello there! | Hello again! | Hi again! | Hey there!
    Hey Phi! | hey | Hi, Phi. | Hello, Phi Nano. | Hello, my friend! | Hi, little model! | Welcome! | I am here!
    Here I am! | I just wanted to say hello. | I wish you a good morning. | Nice to meet you! | good morning
    Hello, hello! | It is me again. Hello! | A very good day to you!
  `),
  'how are you': list(`
    How are you feeling today? | And how are you? | Hi, how are you? | Hello Phi, how are you doing today?
    how are you | Are you fine? | Are you okay? | Are you all right? | Is everything all right with you?
    Are you feeling well today? | Are you doing well? | How is your day? | How has your day been?
    How have you been? | How is it going today? | How are things with you? | Are things going well?
    Tell me how you are. | I want to know how you are today. | Did you have a good day?
    Good morning! How are you?
  `),
  'who are you': list(`
    Say who you are. | And who are you? | May I know your name? | What do people call you?
    How should I call you? | What shall I call you? | Could you introduce yourself? | Please introduce yourself.
    Please tell me your name. | Can you tell me what your name is? | I do not know who you are.
    I would like to know who you are. | I forgot your name. | With whom am I speaking? | Who is speaking?
    Who is there? | Who is Phi Nano? | Is your name Phi Nano? | Are you called Phi? | who are you | your name?
    Tell me something about you. | Describe yourself.
  `),
  'what can you do': list(`
    How can you be useful to me? | What are your skills? | What things can you do? | Tell me what you can do.
    Tell me what I can ask you. | Which questions can you answer? | What kind of questions may I ask?
    What do you know about? | Show me what you can do. | What do you do all day? | What have you learned?
    Can you do something for me? | I need help. | Please help me. | help | How does this work? What can I ask?
    What can I do with you? | What can you teach me? | What are you made for?
    Give me examples of what I can ask. | I do not know what to ask you. | What would you like me to ask?
    List the things that you can do.
  `),
  maker: list(`
    Who created you? | Who programmed you? | Who wrote you? | Who invented you? | Who is behind you?
    Who were the people who made you? | By whom were you made? | Where were you made?
    How did somebody make you? | Tell me who made you. | Please tell me where you come from.
    Can you tell me who built you? | Do you know who made you? | I want to know who made you.
    Who taught you to speak? | How did you learn to talk? | From what did you learn?
    Where did you learn all this? | Which project made you?
    Were you made by somebody? | who made you
  `),
  human: list(`
    Are you a human being? | Are you a real person? | Am I talking to a person? | Am I talking to a machine?
    Is this a person or a machine? | Is there a person behind this? | Are you a boy or a girl?
    Are you a man or a woman? | Are you a computer? | Are you a program? | Are you a living thing?
    Are you a child? | Are you an animal? | Do you live like a person? | Do you have a body?
    Do you have a heart? | Do you breathe? | You are a person, are you not? | I think you are a robot.
    Are you like me? | Tell me whether you are a human. | are you human
    I would like to know if you are a real person.
  `),
  feelings: list(`
    Do you feel anything? | Can you be sad? | Can you be happy? | Are you angry with me?
    Are you afraid of something? | Are you ever lonely? | Do you like me? | Do you feel joy? | Do you feel pain?
    Do you cry sometimes? | Can you love somebody? | Do you get angry? | Are you tired?
    Are you in a good mood? | Are you ever sad? | What makes you happy? | What makes you sad?
    Tell me about your feelings. | What are you feeling now? | Does it hurt you when I am rude?
    Does a model like you have feelings? | Do you miss me when I am away?
  `),
  thanks: list(`
    Many thanks! | Thank you so much! | Thank you, Phi Nano. | I thank you. | Thank you for your answer.
    Thanks for the help! | Thanks for explaining. | Thank you for telling me. | Thank you for your time.
    thank you | Okay, thanks. | Now I know it. Thank you! | Now I understand. Thanks! | That helped me a lot.
    You helped me very much. | Your answer helped me. | That is what I wanted to know. Thanks!
    Perfect, thanks! | Good, thank you. | A big thank you! | I am very thankful. | I want to thank you.
    Thanks, my friend. | How can I ever thank you?
  `),
  goodbye: list(`
    Goodbye, Phi! | Bye, Phi Nano. | Bye for now! | Goodbye for today. | See you! | See you soon!
    See you next week! | I am leaving now. | I must go home. | I have to go to bed now. | I am going now. Bye!
    My mother is calling me. Bye! | That was all for today. Goodbye! | I have no more questions. Bye.
    Good night, Phi. | Sleep well! | We will talk again tomorrow. | I will come back tomorrow.
    Have a nice day! | Have a good evening! | Thank you and goodbye! | It was nice to talk to you. Bye!
    It is late. I have to stop. | goodbye
  `),
  praise: list(`
    You are clever. | You are so kind. | You are very nice. | You are a good helper. | You are a good model.
    You are wonderful. | You are very helpful. | You know a lot! | What a good answer!
    What a clever model you are! | That was a good answer. | That was a nice story. | That was correct!
    Your answer is right. | Right! | Correct! | Exactly! | Great! | Wonderful! | Excellent!
    I like your answers. | I like talking to you. | You did that well. | My teacher would be proud of you.
  `),
  blame: list(`
    Wrong! | No, that is wrong. | That is not correct. | That is false. | This answer is not right.
    Your answer is wrong. | Your answer was false. | You got it wrong. | There is a mistake in your answer.
    I think you made a mistake. | You did not answer my question. | That was not my question.
    That is not what I asked. | That makes no sense. | That was a bad answer. | You are not very clever.
    You do not understand me. | You did not understand the question. | You said something that is not true.
    No, you are mistaken. | What you say is not true. | I do not like your answer. | You are no help at all.
    Nonsense!
  `),
  joke: list(`
    A joke, please! | A joke | Please tell me a joke. | Tell us a joke! | Tell me another joke.
    One more joke, please. | Do you know any jokes? | Do you know a funny joke? | Do you have a joke for me?
    Can you make me laugh? | Can you be funny? | Could you say something funny? | Would you tell me a joke?
    I would like to hear a joke. | I want to hear a joke. | I want to laugh. | I need a good laugh.
    I love jokes. Do you know one? | Give me a joke. | Which joke do you like best? | Let me hear a joke.
    My friend wants to hear a joke. | Cheer me up with a joke.
  `),
  bored: list(`
    I'm bored. | I am so bored! | Today is a boring day. | It is so boring here. | Nothing is going on today.
    What can I do? | What can I do today? | What could I do now? | What shall I do this afternoon?
    What can I do at the weekend? | Have you got an idea for me? | Do you have an idea what I could do?
    Tell me something to do. | Tell me what to do today. | I need something to do.
    I need an idea for the afternoon. | How can I pass the time? | How can I have some fun?
    I have a free day and no plan. | I have so much time. What now? | The children are bored. What can they do?
    We are bored. | It is raining and I have no ideas. | bored
  `),
  sad: list(`
    I'm sad. | I am very sad. | I am unhappy. | I am not well. | I feel lonely. | I feel so alone.
    I feel very bad today. | I had a bad day. | I am crying. | I am scared. | I am angry and sad.
    I have no friends. | My best friend does not talk to me. | My friend moved away, and I miss him.
    Nobody wants to play with me. | The others laugh at me. | My cat died. | I had a quarrel with my sister.
    Everything went wrong today. | I could not sleep because I am worried. | Today is a sad day for me.
    I miss my grandmother. | I am in a bad mood. | I am afraid of tomorrow.
  `),
  happy: list(`
    I'm happy! | I am so happy today! | I am very glad. | I feel good. | I feel wonderful.
    I feel very well today. | I am full of joy. | I had a wonderful day. | I had a lot of fun today.
    My day was great. | Today was the best day. | What a lovely day! | It is my birthday today!
    I found a new friend. | I got a good mark at school. | I won the game! | My team won today.
    I got a present. | I am doing well. | We had a nice party. | Life is good. | The holidays start tomorrow!
    My tooth does not hurt any more. | Everything went well today.
  `),
  language: list(`
    What language do you speak? | What is your language? | Which languages can you speak?
    How many languages do you speak? | How many languages do you know? | Can you speak English?
    Can you speak German? | Do you speak French? | Do you speak Spanish? | Do you know Italian?
    Can you understand Spanish? | Can you write in French? | Do you understand German?
    Can you speak any other language?
    Do you speak more than one language? | Tell me which language you speak.
    May I write to you in French? | Please answer in German.
    Please speak Spanish with me. | Let us talk in Italian. | I would like to know what languages you speak.
  `),
  size: list(`
    How small are you? | Are you big or small? | Are you large? | Are you a small model? | Are you very big?
    Are you a large language model? | What is your size? | What size are you? | How large are you?
    Tell me how big you are. | Can you tell me how large you are? | How many parameters are in you?
    What is the number of your parameters? | Do you have many parameters? | Do you have a million parameters?
    Do you have billions of parameters? | Is your model small? | Are you bigger than other models?
    Are you smaller than other models? | Are you a tiny model? | how many parameters
    Are there bigger models than you?
  `),
  limits: list(`
    Do you know all things? | Can you answer every question? | Do you have an answer to everything?
    Are your answers always right? | Are all your answers true? | Is everything that you say true?
    Do you ever make mistakes? | Are you sometimes wrong? | Do you make many mistakes? | Can you be wrong?
    Can I believe you? | Should I believe everything you say? | May I trust your answers? | How sure are you?
    How much do you know? | How good are your answers? | What can you not do? | What are your limits?
    Is there something that you do not know? | Are there things you do not know?
    Do you know about the whole world? | Tell me about your limits. | You know everything, right?
    Must I check your answers?
  `),
  age: list(`
    What age are you? | Tell me your age. | Tell me how old you are. | Please tell me your age.
    May I ask how old you are? | May I know your age? | Can you tell me how old you are?
    I want to know how old you are. | I would like to know your age. | how old are you
    How many years old are you? | Are you old? | Are you young? | Are you old or young? | Are you older than me?
    Are you younger than I am? | Are you ten years old? | When is your birthday, Phi?
    On which day were you born? | In which year were you born? | What year were you born in?
    Do you have a birthday? | Do you celebrate your birthday? | How long have you been alive?
  `),
  home: list(`
    Where are you now? | Where are you living? | Where do you stay? | Where is your house?
    Where can I find you? | Tell me where you live. | Please tell me where you live.
    Can you tell me where your home is? | I want to know where you live.
    I would like to visit you. Where do you live? | where do you live | Do you live in a house?
    Do you live in Fernland? | Do you live in a town? | Do you live in a computer? | Do you have a home?
    Have you got a house? | In which town do you live? | In which country do you live?
    What town do you live in? | What is your address? | What country do you live in?
    What does your home look like? | Which place is your home?
  `),
  likes: list(`
    What do you like best? | What do you like to eat? | What do you like to do? | What do you eat?
    What do you drink? | What did you eat today? | When do you sleep? | Are you hungry? | Are you thirsty?
    Which colour do you like best? | Which animal do you like most? | Which food do you like?
    Which game is your favourite? | What is your hobby? | What is your favourite book?
    What is your favourite fruit? | What is your favourite season? | What is your favourite toy?
    Do you like chocolate? | Do you like music? | Do you like dogs or cats? | Do you drink tea?
    Have you got a favourite colour? | Tell me what you like. | Tell me your favourite food.
  `),
  project: list(`
    what is pocket phi | What is this Pocket Phi? | What is Pocket Phi about? | What is the project Pocket Phi?
    What do you know about Pocket Phi?
    What does the name Pocket Phi mean? | Can you tell me about Pocket Phi? | Can you explain Pocket Phi?
    Could you tell me what Pocket Phi is? | Explain Pocket Phi to me. | Please explain what Pocket Phi is.
    Please tell me something about Pocket Phi. | Describe Pocket Phi. | I want to know what Pocket Phi is.
    I have never heard of Pocket Phi. | I heard of Pocket Phi. What is it?
    Somebody told me about Pocket Phi. What is that? | Is Pocket Phi a project? | Is Pocket Phi a person?
    Have you heard of Pocket Phi? | For what is Pocket Phi good? | Pocket Phi?
    Tell me more about the project Pocket Phi.
  `),
  'language model': list(`
    What are language models? | What do language models do? | What is meant by a language model?
    What does it mean that you are a language model? | what is a language model | Language model? What is that?
    Explain to me how a language model works. | Explain language models, please.
    Tell me what a language model is. | Please describe a language model.
    Can you explain to me what a language model is? | I do not know what a language model is.
    I have never heard of a language model. | How does a language model work? | How does a language model write?
    How do you think? | How do you write your answers? | How do you make a sentence?
    How do you know what to say? | How do you choose your words? | Where do your answers come from?
    In what way do you work? | What happens in you when I ask a question? | Is a language model a program?
  `),
}

/** Ways to introduce oneself; slot {P} is the name. */
export const nameWordings: readonly string[] = [
  '{P} is my name.',
  "My name's {P}.",
  "I'm {P}.",
  "Hi, I'm {P}.",
  "Hey, I'm {P}!",
  'Hey! {P} here.',
  'It is {P} here.',
  'This is {P}.',
  'Hello, this is {P}.',
  'Good morning, I am {P}.',
  'Good evening! My name is {P}.',
  'I am called {P}.',
  'My friends call me {P}.',
  'Everybody calls me {P}.',
  'Please call me {P}.',
  'Just call me {P}, please.',
  'May I introduce myself? I am {P}.',
  'Let me introduce myself: my name is {P}.',
  'You are talking to {P}.',
  'Nice to meet you, I am {P}.',
  'My parents named me {P}.',
]

/** Asked after the user has given a name. */
export const askNameWordings: readonly string[] = [
  "What's my name?",
  'what is my name',
  'And what is my name?',
  'So, who am I?',
  'Tell me my name.',
  'Say my name.',
  'Please say my name.',
  'Can you tell me my name?',
  'Can you say what my name is?',
  'Could you tell me what I am called?',
  'Do you remember my name?',
  'Do you still know my name?',
  'Do you know who I am?',
  'What am I called?',
  'How did I say that I am called?',
]

/** What the one who listens is called, after a comma. */
export const namesOfListener: readonly string[] = [
  'dear Phi Nano',
  'little computer',
  'you clever machine',
  'old friend',
  'dear helper',
  'mate',
  'dear model',
  'my dear',
  'you small thing',
  'tiny model',
  'computer',
  'robot',
]

/** Words before and after that ask for nothing themselves. */
export const wordsBefore: readonly string[] = [
  'Well.',
  'Now then.',
  'Listen.',
  'Ah!',
  'Just one thing.',
  'By the way.',
  'Oh!',
  'All right.',
  'Honestly.',
  'One more thing.',
]
export const wordsAfter: readonly string[] = [
  'That is what I wanted to say.',
  'I mean it.',
  'What do you say to that?',
  'Just so that you know.',
  'That came to my mind.',
  'And that is all for now.',
]
