import type { Shape } from './arithmetic-families.ts'

/**
 * Scenes for training only: small worlds of their own where a free noun would sound odd (birds fly away, people get
 * off), and the first person. "[food]" and "[animal]" say from which list the noun comes; slots as in the families.
 */
export const scenes: readonly (readonly [Shape, string])[] = (
  [
    [
      'add',
      [
        'I have {an}. I get {b} more. How many {ns} do I have now? || You have {rn} now.',
        'I have {an} and you have {bn}. How many {ns} do we have together? || We have {rn} together.',
        'I had {an}. My friend gave me {b} more. How many {ns} do I have? || You have {rn}.',
        'I found {an} in the morning and {b} in the afternoon. How many {ns} did I find? || You found {rn}.',
        'My brother has {an} and my sister has {bn}. How many {ns} do they have? || They have {rn}.',
        'There are {a} birds in a tree. {b} more birds come. How many birds are in the tree now? || There are {r} birds in the tree now.',
        'There are {a} children in the room. {b} more children come in. How many children are in the room? || There are {r} children in the room.',
        '{a} people are on the bus. {b} more people get on. How many people are on the bus? || There are {r} people on the bus.',
        'A farmer has {a} cows and {b} sheep. How many animals does the farmer have? || The farmer has {r} animals.',
        'There are {a} boys and {b} girls in a class. How many children are in the class? || There are {r} children in the class.',
        '{P} reads {a} pages on Monday and {b} pages on Tuesday. How many pages does {he} read? || {P} reads {r} pages.',
        'A garden has {a} red flowers and {b} yellow flowers. How many flowers are in the garden? || There are {r} flowers in the garden.',
        '{P} walks {a} steps and then {b} more steps. How many steps does {he} walk? || {P} walks {r} steps.',
        '{P} is {a} years old. How old is {he} in {b} years? || {P} is {r} years old then.',
        '{P} has {a} coins. {He} gets {b} coins from {his} mother. How many coins does {he} have? || {P} has {r} coins.',
        'A hat costs {a} coins and a scarf costs {b} coins. How many coins do they cost together? || They cost {r} coins together.',
        'There are {a} books on the top shelf and {b} books on the other shelf. How many books are there? || There are {r} books.',
        '[food] {P} eats {an} and {Q} eats {b}. How many {ns} do they eat? || They eat {rn}.',
        '[food] {P} baked {an} yesterday and {b} today. How many {ns} did {he} bake? || {P} baked {rn}.',
        '[food] {P} picks {an} and {Q} picks {bn}. How many {ns} do they pick? || They pick {rn}.',
        '[animal] {P} sees {an} by the river and {b} in the field. How many {ns} does {he} see? || {P} sees {rn}.',
        '[animal] There are {an} on the farm. {b} more {ns} come to the farm. How many {ns} are there now? || There are {rn} now.',
      ],
    ],
    [
      'subtract',
      [
        'I have {an}. I give {b} to my friend. How many {ns} do I have left? || You have {rn} left.',
        'I had {an} and lost {b}. How many {ns} do I have now? || You have {rn} now.',
        'I have {an}. My sister has {b}. How many more {ns} do I have? || You have {r} more {ns}.',
        'I need {an}. I have {b}. How many more {ns} do I need? || You need {r} more {ns}.',
        'There are {a} birds in a tree. {b} fly away. How many birds are left? || There are {r} birds left.',
        'There are {a} children in the room. {b} children go out. How many children are in the room now? || There are {r} children in the room now.',
        '{a} people are on the bus. {b} people get off. How many people are on the bus now? || There are {r} people on the bus now.',
        'A book has {a} pages. {P} has read {b} pages. How many pages are left? || There are {r} pages left.',
        'There are {a} children in a class. {b} of them are girls. How many are boys? || There are {r} boys.',
        '{P} has {a} coins. {He} spends {b} coins. How many coins does {he} have left? || {P} has {r} coins left.',
        '{P} has {a} coins and buys a hat for {b} coins. How many coins are left? || {P} has {r} coins left.',
        '{P} is {a} years old. {Q} is {b} years old. How many years older is {P}? || {P} is {r} years older.',
        'There are {a} candles on the cake. {P} blows out {b}. How many candles still burn? || {r} candles still burn.',
        'A rope is {a} metres long. {P} cuts off {b} metres. How long is the rope now? || The rope is {r} metres long now.',
        'It is {a} steps to school. {P} has walked {b} steps. How many steps are left? || There are {r} steps left.',
        '[food] {P} has {an}. {He} eats {b}. How many {ns} are left? || There are {rn} left.',
        '[food] {P} has {an} and eats {b} of them. How many {ns} does {he} have left? || {P} has {rn} left.',
        '[food] There are {an} on the plate. {P} eats {b}. How many {ns} are on the plate now? || There are {rn} on the plate now.',
        '[food] I have {an}. I eat {b}. How many {ns} do I have left? || You have {rn} left.',
        '[food] {P} baked {an}. The family ate {b}. How many {ns} are left? || There are {rn} left.',
        '[food] A shop has {an}. {P} buys {b}. How many {ns} are left in the shop? || There are {rn} left in the shop.',
        '[animal] There are {an} in the field. {b} run away. How many {ns} are left? || There are {rn} left.',
        '[animal] A farmer has {an}. {He} sells {b}. How many {ns} does the farmer have now? || The farmer has {rn} now.',
      ],
    ],
    [
      'multiply',
      [
        'I have {a} {boxes} with {bn} in each. How many {ns} do I have? || You have {rn}.',
        'I buy {an}. One costs {b} coins. How many coins do I pay? || You pay {r} coins.',
        '{P} reads {b} pages every day. How many pages does {he} read in {a} days? || {P} reads {r} pages.',
        'There are {a} tables in a room. There are {b} chairs at each table. How many chairs are there? || There are {r} chairs.',
        'There are {a} rows of trees with {b} trees in each row. How many trees are there? || There are {r} trees.',
        'A car takes {b} people. How many people do {a} cars take? || {a} cars take {r} people.',
        '{P} walks {b} miles every day. How many miles does {he} walk in {a} days? || {P} walks {r} miles.',
        'A week of work gives {P} {b} coins. How many coins does {he} get for {a} weeks? || {P} gets {r} coins.',
        '{a} hens lay {b} eggs each. How many eggs do they lay? || They lay {r} eggs.',
        '[food] {P} eats {bn} every day. How many {ns} does {he} eat in {a} days? || {P} eats {rn}.',
        '[food] {P} bakes {bn} every hour. How many {ns} does {he} bake in {a} hours? || {P} bakes {rn}.',
      ],
    ],
    [
      'divide',
      [
        'I have {an} and {b} friends. Each friend gets the same number. How many {ns} does each friend get? || Each friend gets {rn}.',
        'I share {an} equally among {b} children. How many {ns} does each child get? || Each child gets {rn}.',
        '{P} has {a} pages to read in {b} days. {He} reads the same number every day. How many pages does {he} read each day? || {P} reads {r} pages each day.',
        '{a} children make teams of {b}. How many teams are there? || There are {r} teams.',
        'There are {a} chairs in {b} equal rows. How many chairs are in each row? || There are {r} chairs in each row.',
        '{P} pays {a} coins for {b} hats. Each hat costs the same. How many coins does one hat cost? || One hat costs {r} coins.',
        'A boat takes {b} people. How many trips do {a} people need? || They need {r} trips.',
        '[food] {P} cuts {an} for {b} guests. Each guest gets the same number. How many {ns} does each guest get? || Each guest gets {rn}.',
        '[food] {P} and {his} friends are {b} children. They share {an} equally. How many {ns} does each child get? || Each child gets {rn}.',
      ],
    ],
    [
      'add-subtract',
      [
        'There are {a} people on the bus. {b} people get on and {c} people get off. How many people are on the bus now? || There are {r} people on the bus now.',
        '{P} has {a} coins. {He} gets {b} coins and spends {c} coins. How many coins does {he} have? || {P} has {r} coins.',
        'There are {a} birds in a tree. {b} birds come and {c} birds fly away. How many birds are in the tree? || There are {r} birds in the tree.',
        'I have {an}. I get {b} more and give away {c}. How many {ns} do I have? || You have {rn}.',
        '[food] {P} has {an} and buys {b} more. Then {he} eats {c}. How many {ns} are left? || There are {rn} left.',
      ],
    ],
    [
      'multiply-subtract',
      [
        '[food] {P} has {a} {boxes} with {bn} in each. {He} eats {c} {ns}. How many {ns} are left? || There are {rn} left.',
      ],
    ],
  ] as const
).flatMap(([shape, list]) => list.map((scene) => [shape, scene] as const))

export const edibleNouns: readonly string[] =
  'apple,pear,banana,orange,lemon,cherry,plum,peach,strawberry,grape,carrot,potato,tomato,cake,biscuit,pancake,pie,egg,sausage,sandwich,nut,sweet,chocolate bar,lollipop,cookie,muffin,doughnut,bun,tart,olive,walnut,apricot,raspberry,blueberry,date,cracker,pretzel,waffle,dumpling,meatball,bread roll,pea,bean,mushroom,radish,cucumber,melon'.split(
    ',',
  )

export const animalNouns: readonly string[] =
  'hen,duck,goose,sheep,goat,cow,horse,pig,rabbit,mouse,frog,bee,butterfly,ant,snail,bird,puppy,kitten,lamb,chick,hedgehog,squirrel,pigeon,owl,crow,swan,turtle,crab,worm,ladybird,spider,pony,donkey,calf,piglet,dog,cat,fox,deer'.split(
    ',',
  )
