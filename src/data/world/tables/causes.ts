/**
 * Cause and effect. Each row: what happens (third person, as after "because"), the same as the end of a "why"
 * question, the reason, the condition after "if", its result, and one more sentence.
 */
export interface Cause {
  readonly happens: string
  readonly whyQuestion: string
  readonly because: string
  readonly condition: string
  readonly result: string
  readonly detail: string
  /** Words of which one must be in a right answer to "why", and to "what happens if". */
  readonly acceptWhy: readonly string[]
  readonly acceptIf: readonly string[]
}

const rows = `
ice melts | does ice melt | it gets warm | ice gets warm | it melts and turns into water | Heat turns ice into water. | warm,heat,hot | melt,melts,water
water freezes | does water freeze | it gets very cold | water gets very cold | it freezes and turns into ice | Water becomes hard when it freezes. | cold | freeze,freezes,ice
water boils | does water boil | it gets very hot | you heat water in a kettle | it boils and turns into steam | Steam is hot, so you must be careful. | hot,heat | boil,boils,steam
a puddle dries up | does a puddle dry up | the sun warms the water | the sun shines on a puddle | the water dries up | The water goes into the air. | sun,warm,warms | dry,dries
a plant dies without water | does a plant die without water | it needs water to live | a plant gets no water | it becomes dry and dies | Every plant needs water and light. | water | dry,dies,die
a plant grows | does a plant grow | it gets water and sunlight | you give a seed water and light | it grows into a plant | The roots drink water and the leaves catch light. | water,light,sunlight | grow,grows
leaves fall in autumn | do leaves fall in autumn | the tree rests in the cold months | autumn comes | the leaves turn brown and fall | New leaves come back in spring. | rest,rests,cold | fall,brown
birds fly south | do birds fly south | winter is cold and there is little food | winter is near | many birds fly south | They come back in spring. | cold,food,winter | south
a bear sleeps in winter | does a bear sleep in winter | there is little food in winter | winter comes to the forest | the bear goes to sleep in its cave | The bear wakes up in spring. | food | sleep
a stone sinks | does a stone sink | it is heavier than water | you drop a stone into a lake | it sinks to the bottom | Heavy things like stones go down in water. | heavy,heavier | sink,sinks,bottom
wood floats | does wood float | it is lighter than water | you put wood on water | it floats | That is why a wooden boat can swim on a lake. | light,lighter | float,floats
a ball falls down | does a ball fall down | the earth pulls it down | you let go of a ball | it falls to the ground | The earth pulls all things down. | earth,pull,pulls | fall,falls
a glass breaks | does a glass break | it hits the hard floor | you drop a glass on a stone floor | it breaks into small pieces | Broken glass is sharp, so do not touch it. | hard,floor,drop | break,breaks
iron rusts | does iron rust | it gets wet and touches the air | you leave an iron tool in the rain | it gets brown rust | Keep iron tools dry. | wet,water,air | rust
bread gets hard | does bread get hard | it loses its water | you leave bread on the table for a week | it gets dry and hard | Keep bread in a bag. | water,dry | hard,dry
milk goes sour | does milk go sour | tiny living things grow in it | you leave milk in a warm room | it goes sour | Keep milk in the fridge. | living | sour
butter melts | does butter melt | the pan is hot | you put butter in a hot pan | it melts | Butter becomes hard again in the fridge. | hot,heat,warm | melt,melts
bread rises | does bread rise | there is yeast in the dough | you put yeast in the dough | the dough gets bigger | Then the baker puts it in the oven. | yeast | bigger,rise,rises
sugar goes away in tea | does sugar go away in tea | it melts into the hot water | you put sugar in hot tea | it goes away and the tea gets sweet | You cannot see the sugar, but you can taste it. | hot,water | sweet
the day is light | is the day light | the sun shines | the sun comes up | the day begins and it gets light | The sun comes up in the east. | sun | light,day
the night is dark | is the night dark | the sun is on the other side of the earth | the sun goes down | it gets dark | Then you can see the moon and the stars. | sun | dark
it gets cold in winter | does it get cold in winter | the sun stands low and the days are short | winter comes | the days get short and cold | People wear warm coats in winter. | sun,short,low | cold,short
a shadow appears | does a shadow appear | something stops the light | you stand in the sun | you make a shadow on the ground | Your shadow is long in the evening. | light | shadow
a rainbow appears | does a rainbow appear | the sun shines through the rain | the sun shines while it rains | you can see a rainbow | A rainbow has seven colours. | sun,rain | rainbow
we see lightning before thunder | do we see lightning before thunder | light is faster than sound | there is a storm far away | you see the light first and hear the sound later | Stay inside when there is a storm. | light,faster | light,first
rain falls | does rain fall | the water drops in a cloud get too heavy | the drops in a cloud get heavy | they fall down as rain | Dark clouds often bring rain. | heavy,drops | rain
the ground gets wet | does the ground get wet | the rain falls on it | it rains for a long time | the ground gets wet and soft | Then worms come out of the soil. | rain | wet
a river floods | does a river flood | there is too much rain | it rains for many days | the river gets high and may flood the fields | People build walls to keep the water out. | rain | flood,high
clothes dry on a line | do clothes dry on a line | the wind and the sun take the water away | you hang wet clothes in the sun | they get dry | They dry faster on a windy day. | wind,sun | dry
a kite flies | does a kite fly | the wind pushes it up | you hold a kite in a strong wind | it goes up into the sky | A kite falls when the wind stops. | wind | up,sky
a sailing boat moves | does a sailing boat move | the wind pushes its sail | the wind blows into a sail | the boat moves | Without wind a sailing boat stands still. | wind | move,moves
a fire goes out under sand | does a fire go out under sand | it gets no air | you put sand on a small fire | the fire goes out | A fire needs air to burn. | air | out
a fire burns | does a fire burn | it has wood and air | you put dry wood on a fire | it burns and gives heat | Never play with fire. | wood,air | burn,burns
you feel hungry | do you feel hungry | your body needs food | you do not eat all day | you feel hungry and weak | A good breakfast helps you through the morning. | food | hungry,weak
you feel thirsty | do you feel thirsty | your body needs water | you run for a long time in the sun | you feel hot and thirsty | Then you should drink water. | water | thirsty,hot
you feel tired | do you feel tired | your body needs sleep | you go to bed very late | you feel tired the next day | Children need a lot of sleep. | sleep | tired
you sweat | do you sweat | your body wants to cool down | you run fast on a hot day | you sweat | The water on your skin cools you. | cool,hot | sweat
you shiver | do you shiver | your body wants to get warm | you stand in the snow without a coat | you get cold and shiver | A warm drink helps you. | warm,cold | cold,shiver
teeth get bad | do teeth get bad | people eat too much sugar | you eat sweets and never brush your teeth | your teeth get bad | Brush your teeth two times a day. | sugar,sweets | teeth,bad
people wash their hands | do people wash their hands | dirty hands can make them ill | you eat with dirty hands | you may get ill | Soap and water make your hands clean. | dirty,ill | ill
people wear helmets | do people wear helmets | a helmet keeps the head safe | you fall from a bicycle without a helmet | you may hurt your head | Always wear a helmet when you ride. | safe,head | hurt,head
a plant turns to the window | does a plant turn to the window | it wants more light | a plant stands in a dark corner | it grows slowly and turns to the light | Put plants near a window. | light | light,slowly
bees visit flowers | do bees visit flowers | they want sweet nectar | bees find a field of flowers | they carry the nectar home and make honey | Bees also help plants to make seeds. | nectar | honey,nectar
a cat climbs a tree | does a cat climb a tree | a dog runs after it | a dog runs after a cat | the cat climbs up a tree | The cat feels safe in the tree. | dog | tree
a dog wags its tail | does a dog wag its tail | it is happy | a dog sees its friend | it wags its tail | A happy dog also jumps and barks. | happy | tail
a tortoise hides | does a tortoise hide | it is afraid | you touch a tortoise | it hides in its shell | The hard shell keeps it safe. | afraid | shell,hides,hide
a hedgehog rolls up | does a hedgehog roll up | it is afraid of a fox | a fox comes near a hedgehog | it rolls into a ball | Its sharp spines keep it safe. | afraid,fox | ball,roll,rolls
a road is slippery in winter | is a road slippery in winter | there is ice on it | there is ice on the road | cars and people can slip | Walk slowly on ice. | ice | slip
a lamp goes out | does a lamp go out | it gets no electricity | the electricity stops | the lamps go out | Then people use candles. | electricity | out,dark
a bicycle stops | does a bicycle stop | you pull the brake | you pull the brake of a bicycle | the bicycle stops | Good brakes keep you safe. | brake | stop,stops
a car stops without fuel | does a car stop without fuel | the engine needs fuel | a car has no fuel | it stops | Then the driver must find more fuel. | engine,fuel | stop,stops
a balloon gets bigger | does a balloon get bigger | air goes into it | you blow air into a balloon | it gets bigger | Too much air makes it burst. | air | bigger,big
a hot-air balloon rises | does a hot-air balloon rise | hot air is lighter than cold air | you heat the air in a hot-air balloon | it rises into the sky | It comes down when the air cools. | light,lighter,hot | rise,rises,up
a magnet picks up a nail | does a magnet pick up a nail | the nail is made of iron | you hold a magnet near a nail | it pulls the nail to it | A magnet cannot pick up wood. | iron | pull,pulls,pick
we can hear a bell | can we hear a bell | it makes the air shake | you ring a bell | it makes a sound | The sound goes through the air. | air,shake | sound
snow is on the mountain | is there snow on the mountain | it is cold up there | you climb a high mountain | it gets colder and colder | Take a warm coat with you. | cold | cold,colder
soup gets cold | does soup get cold | it gives its heat to the air | you leave hot soup on the table | it gets cold | Eat your soup while it is warm. | heat,air | cold
food stays fresh in a fridge | does food stay fresh in a fridge | it is cold there | you put food in a fridge | it stays fresh longer | Milk and butter belong in the fridge. | cold | fresh
a tyre goes flat | does a tyre go flat | a nail makes a hole in it | a nail goes into a tyre | the air comes out and the tyre goes flat | You must mend the hole. | hole,nail | flat,air
a friend is sad | is a friend sad | somebody was unkind | you are unkind to a friend | your friend feels sad | A kind word helps. | unkind | sad
a baby cries | does a baby cry | it is hungry or tired | a baby is hungry | it cries | Then it needs milk and a warm hug. | hungry,tired | cries,cry
people help each other | do people help each other | work is easier together | people work together | the work gets easier | Many hands make light work. | easier | easier
people say sorry | do people say sorry | they did something wrong | you say sorry to a friend | your friend feels better | Saying sorry can be hard, but it helps. | wrong | better
people sleep at night | do people sleep at night | their bodies need rest | you sleep well | you feel fresh in the morning | A dark and quiet room is good for sleep. | rest | fresh
practice makes you better | does practice make you better | you learn a little each time | you practise every day | you get better | Nobody can do everything at once. | learn | better
the beach gets smaller at high tide | does the beach get smaller at high tide | the sea comes up | the tide comes in | the water covers the beach | The sea goes back at low tide. | sea,water | water,covers
a spider makes a web | does a spider make a web | it wants to catch flies | a fly touches a web | it sticks to the web | Then the spider comes to eat it. | catch,flies | sticks,stick
people use umbrellas | do people use umbrellas | they want to stay dry | you walk in the rain without an umbrella | you get wet | A raincoat helps too. | dry | wet
the grass is green | is the grass green | it has green stuff that catches light | grass gets no light | it turns yellow | Light keeps grass green. | green,light | yellow
fish can live in water | can fish live in water | they can breathe under water | a fish is out of the water for a long time | it cannot breathe and dies | Fish have gills to breathe. | breathe,gills | breathe,dies
ducks stay dry | do ducks stay dry | their feathers have oil | water falls on a duck | it runs off its feathers | Ducks clean their feathers every day. | oil,feathers | runs,off
`

const split = (cell: string): string[] => cell.split(',').map((part) => part.trim())

export const causes: readonly Cause[] = rows
  .trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map((cells) => {
    const [happens = '', whyQuestion = '', because = '', condition = '', result = '', detail = '', why = '', iff = ''] =
      cells
    return { happens, whyQuestion, because, condition, result, detail, acceptWhy: split(why), acceptIf: split(iff) }
  })
