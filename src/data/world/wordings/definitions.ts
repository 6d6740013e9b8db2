import { parseMeanings, type WordMeaning } from '../tables/words.ts'

/** More ways to ask for meanings and opposites, and more words with their meanings and opposites. */

/** Slot: {w} a noun, verb or adjective in its base form. */
export const defineFrames: readonly string[] = [
  'what does {w} mean',
  '{w} meaning',
  'define {w}',
  'meaning of {w} please',
  '"{w}" - what is that?',
  "What's the meaning of {w}?",
  'What is meant by "{w}"?',
  'What do we mean when we say "{w}"?',
  'How would you explain "{w}" to a small child?',
  'Somebody said "{w}" to me. What does that mean?',
  'I found the word "{w}" in my book and do not understand it.',
  'I read the word {w} in a letter. What could it mean?',
  'Is "{w}" a word that you can explain?',
  'If a person says "{w}", what does that person mean?',
  'My little sister asks what "{w}" means.',
  'Give me the meaning of the word "{w}".',
  'What would you find under "{w}" in a dictionary?',
  'What should I understand by "{w}"?',
  'Help me to understand the word "{w}".',
  "I'd like to know what {w} means.",
  'The word "{w}" is new to me. Please explain it.',
  'I have never heard the word "{w}". Can you help?',
  'Which meaning does the word {w} have?',
  'Could you say "{w}" in other words?',
  'Describe the meaning of "{w}" in one sentence.',
  'Please be so kind and explain "{w}" to me.',
  'Do you happen to know what "{w}" means?',
  'Explain to me what {w} means.',
  'For my homework I must explain "{w}". What can I write?',
  'What is the sense of the word "{w}"?',
  'We are learning new words. Today it is "{w}". What does it mean?',
  'When people use the word {w}, what are they talking about?',
  'I always forget what "{w}" means. Can you tell me again?',
  "I can't explain {w} to my son. Can you?",
  'Teach me the word "{w}".',
  'Tell us something about the word "{w}". What does it mean?',
  'There is a word that I do not know: {w}. Explain it, please.',
  'How do you define "{w}"?',
  'Who can tell me what "{w}" means? Can you?',
  'Word: {w}\nMeaning:',
  'What does it mean when we read "{w}"?',
  'Grandfather used the word "{w}" today. What did he mean by it?',
  'I am not sure what {w} means. Please tell me.',
]

/** Slot: {w} a word that has an opposite. */
export const oppositeFrames: readonly string[] = [
  'opposite of {w}',
  'What is the contrary of "{w}"?',
  'Give me the opposite of "{w}".',
  '"{w}" has an opposite. Which word is it?',
  'Which word means just the opposite of "{w}"?',
  'Find the opposite: {w}',
  "What's the opposite of {w}?",
  'Can you name the opposite of "{w}"?',
  'I need a word that is the opposite of "{w}".',
  'What do you call the opposite of "{w}"?',
  'If I say "{w}", what is the opposite?',
  'Please turn the word "{w}" into its opposite.',
  'The opposite of "{w}" is which word?',
  'My homework is to write down the opposite of {w}. What is it?',
  'Let us play a game with opposites. I say "{w}". What do you say?',
  'An antonym of "{w}", please.',
  'Could you tell me the opposite of {w}?',
  'Complete the sentence: the opposite of "{w}" is ...',
  'Do you know a word that means the contrary of "{w}"?',
  'How do you say the opposite of {w}?',
]

const rows = `
gentle | adjective | soft and careful with others | The gentle girl held the chick. | soft,careful
cheerful | adjective | happy and often smiling | The cheerful baker sang a song. | happy,smiling
grumpy | adjective | a little angry and not friendly | The grumpy man did not say hello. | angry
stubborn | adjective | not wanting to change your mind | The stubborn donkey did not move. | change,mind
rude | adjective | not polite | It is rude to shout at people. | polite
foolish | adjective | doing things without thinking | The foolish goose went to the fox. | thinking
wise | adjective | knowing much and making good choices | The wise owl helped them. | knowing,choices
silent | adjective | making no sound at all | The house was silent at night. | sound
noisy | adjective | making a lot of loud sounds | The noisy geese woke me. | loud,sounds
famous | adjective | known by very many people | The famous singer came to the town. | known
rare | adjective | not often seen or found | This blue flower is rare. | often
sticky | adjective | holding on to things that touch it, like honey | My fingers are sticky. | honey,touch
muddy | adjective | covered with wet soil | His boots are muddy. | wet,soil
dusty | adjective | covered with dry and fine dirt | The old shelf is dusty. | dirt
steep | adjective | going up or down very fast, like the side of a mountain | The path is steep. | up,down
hollow | adjective | with an empty space inside | The owl lives in a hollow tree. | empty,inside
tiny | adjective | very, very small | A tiny ant sat on the leaf. | small
ripe | adjective | ready to be picked and eaten | The red apples are ripe. | picked,eaten
raw | adjective | not cooked | You can eat a raw carrot. | cooked
stale | adjective | old and no longer fresh | The bread is stale. | old,fresh
bitter | adjective | having a sharp taste that is not sweet | The medicine is bitter. | taste,sweet
salty | adjective | tasting of salt | The water of the sea is salty. | salt
juicy | adjective | full of juice | She ate a juicy pear. | juice
precious | adjective | worth very much | The ring is precious to her. | worth
expensive | adjective | costing a lot of money | The big clock is expensive. | money
cheap | adjective | costing only a little money | The pencil was cheap. | money
useful | adjective | good for doing something | A knife is useful in the kitchen. | good,doing
harmless | adjective | not able to hurt anybody | This little snake is harmless. | hurt
poisonous | adjective | able to make you very ill if you eat or touch it | The red mushroom is poisonous. | ill
tame | adjective | used to people and not afraid of them | The tame robin ate from her hand. | people,afraid
wild | adjective | living free and not with people | The wild horses ran over the hill. | free
blind | adjective | not able to see | The blind man has a good dog. | see
deaf | adjective | not able to hear | The deaf girl talks with her hands. | hear
healthy | adjective | well and not ill | Fresh air keeps you healthy. | well,ill
sleepy | adjective | wanting to go to sleep | The sleepy kitten closed its eyes. | sleep
nervous | adjective | worried about what will happen | He was nervous before the race. | worried
bored | adjective | not happy because there is nothing interesting to do | The bored boy looked out of the window. | nothing,interesting
excited | adjective | very happy and not able to sit still | The children were excited about the party. | happy,still
grateful | adjective | wanting to thank somebody | The old man was grateful for the help. | thank
selfish | adjective | thinking only of yourself | The selfish boy did not share. | yourself
clumsy | adjective | often dropping things or falling over them | The clumsy bear broke the chair. | dropping,falling
tidy | adjective | with everything in its right place | Her room is always tidy. | place
lucky | adjective | having good things happen by chance | The lucky girl won a prize. | good,chance
foggy | adjective | full of thick white mist | The morning was cold and foggy. | mist
invisible | adjective | not able to be seen | The wind is invisible. | seen
crooked | adjective | bent and not straight | The old tree is crooked. | bent,straight
loyal | adjective | always staying true to your friends | The loyal dog waited for its master. | true,friends
cosy | adjective | warm, soft and nice to be in | The little room is cosy. | warm,soft
crowded | adjective | full of people | The bus was crowded. | people
wander | verb | to walk about without a plan | They like to wander in the forest. | walk
rush | verb | to go very fast because there is little time | I must rush to the train. | fast
creep | verb | to move slowly and without a sound | Cats can creep through the grass. | slowly
climb | verb | to go up with hands and feet | Monkeys climb the tree. | up
float | verb | to stay on top of the water | A cork can float. | top,water
stir | verb | to move a spoon round and round in something | Please stir the soup. | spoon,round
pour | verb | to make water or another drink run out of something | She will pour the tea. | drink,water
peel | verb | to take the skin off a fruit or a vegetable | We peel the potatoes. | skin
chew | verb | to break food into small bits with your teeth | You must chew your bread. | teeth
swallow | verb | to let food or drink go down from your mouth | It hurts to swallow. | food,down
yawn | verb | to open your mouth wide because you are tired | I always yawn in the evening. | mouth,tired
sneeze | verb | to blow air out of your nose suddenly and loudly | Pepper makes me sneeze. | nose
tremble | verb | to shake a little because you are cold or afraid | His hands tremble. | shake
frown | verb | to pull your eyebrows together because you are cross | Do not frown at me. | eyebrows
stare | verb | to look at something for a long time | It is not nice to stare at people. | look
nod | verb | to move your head up and down to say yes | They smile and nod. | head,yes
greet | verb | to say hello to somebody | We greet our neighbours. | hello
praise | verb | to say that somebody did something well | The teacher will praise you. | well
warn | verb | to tell somebody about a danger | The bell will warn the ships. | danger
argue | verb | to talk in an angry way with somebody who thinks differently | The two brothers often argue. | angry
agree | verb | to think the same as somebody else | We all agree with you. | same
refuse | verb | to say no to something | The horses refuse to jump. | no
pretend | verb | to act as if something were true | The children pretend to be lions. | act,true
boast | verb | to talk too proudly about yourself | It is not kind to boast. | proudly,yourself
complain | verb | to say that you do not like something | They complain about the cold soup. | like
rescue | verb | to save somebody from danger | Firefighters rescue people. | save,danger
follow | verb | to go behind somebody | The ducklings follow their mother. | behind
chase | verb | to run after somebody to catch them | Dogs chase cats. | run,catch
gather | verb | to bring many things together in one place | We gather nuts in autumn. | together
waste | verb | to use more of something than you need | Do not waste water. | more,need
destroy | verb | to break something so badly that it cannot be mended | A storm can destroy a house. | break
polish | verb | to rub something until it shines | I polish my shoes. | rub,shines
fold | verb | to bend paper or cloth so that one part lies on another | Please fold the letter. | bend
drag | verb | to pull something heavy over the ground | We drag the log to the fire. | pull
lift | verb | to take something up from the ground | Can you lift this box? | up
knit | verb | to make clothes out of wool with two needles | My aunts knit warm socks. | wool
dig | verb | to make a hole in the ground | Rabbits dig in the sand. | hole
vanish | verb | to go away suddenly so that nobody can see you | Rabbits vanish into the grass. | away
compare | verb | to look at two things to see how they are different | Let us compare the two leaves. | two,different
guess | verb | to give an answer when you are not sure | Guess how old I am! | answer,sure
imagine | verb | to make a picture of something in your mind | Imagine a blue cow. | picture,mind
forget | verb | to lose something out of your mind | Do not forget your hat. | mind
trust | verb | to believe that somebody is honest and good | I trust my sister. | believe
swap | verb | to give one thing and get another thing for it | We swap our caps. | give,get
earn | verb | to get money for your work | You can earn two coins. | money
belong | verb | to be owned by somebody | These boots belong to me. | owned
guest | noun | a person who visits your house | The guest got tea and cake. | visits
stranger | noun | a person whom you do not know | A stranger asked for the way. | know
enemy | noun | a person who hates you or fights against you | The fox is the enemy of the hen. | hates,fights
twin | noun | one of two children born by the same mother on the same day | He looks just like his twin. | two,same
crowd | noun | a lot of people in one place | A crowd stood in front of the shop. | people
thief | noun | a person who takes things that belong to others | The thief took the silver spoon. | takes
beginner | noun | a person who is only starting to learn something | I am a beginner at the piano. | starting,learn
valley | noun | the low land between two hills or mountains | A river flows through the valley. | low,between
breeze | noun | a soft and light wind | A cool breeze comes from the sea. | wind
drought | noun | a long time without rain | The fields were brown after the drought. | rain
puddle | noun | a little water that lies on the ground after rain | He jumped into the puddle. | water,rain
echo | noun | a sound that comes back to you | We heard an echo in the cave. | back,sound
sunrise | noun | the time when the sun comes up | They got up at sunrise. | up,sun
riddle | noun | a tricky question that you answer by thinking | Can you answer this riddle? | question
joke | noun | a short story that makes people laugh | My uncle told a joke. | laugh
lie | noun | something that you say although it is not true | He was sorry for his lie. | true
reason | noun | the thing that tells you why something happens | There is a good reason for it. | why
rule | noun | a sentence that says what you must do or must not do | Every game has a rule or two. | must
habit | noun | a thing that you do again and again without thinking | Reading in bed is her habit. | again
prize | noun | a thing that you get when you win | The first prize was a cake. | win
feast | noun | a very big and good meal for many people | There was a feast at the castle. | meal
snack | noun | a small bit of food between two meals | An apple is a good snack. | food,meals
decade | noun | a time of ten years | They lived here for a decade. | ten
nickname | noun | a short or funny name that friends call you | Her nickname is Bee. | name
wish | noun | something that you want very much | My wish is a red bicycle. | want
`

export const meanings: readonly WordMeaning[] = parseMeanings(rows)

/** Pairs of words; each is the opposite of the other. */
export const oppositePairs: readonly (readonly [string, string])[] = `
easy difficult,beautiful ugly,careful careless,patient impatient,honest dishonest,generous stingy,clever foolish
kind cruel,warm cool,friend enemy,summer winter,morning evening,north south,east west,always never,many few,more less
over under,front back,top bottom,start stop,come go,lend borrow,whisper shout,teach learn,float sink,freeze melt
grow shrink,build destroy,succeed fail,stand sit,allow forbid,hide show,add subtract,everybody nobody
everything nothing,cheap expensive,tame wild,tight loose,straight crooked
`
  .trim()
  .split(/[,\n]/)
  .map((pair) => pair.split(' '))
  .map(([first = '', second = '']) => [first, second] as const)
