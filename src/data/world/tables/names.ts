/**
 * First names for arithmetic, stories and strangers. None of them belongs to the cast, so that no story contradicts a
 * fact about a person of Fernland. The reserved names never occur in training text.
 */
const words = (text: string): string[] => text.trim().split(/\s+/)

export const trainingFemaleNames: readonly string[] = words(`
Ada Adele Agnes Aisha Alba Alice Alina Alma Amelia Amina Amira Amy Ana Anita Anna Annika Anya Ariel Asha Astrid Aurora
Ava Avery Bea Bella Bianca Bonnie Brenda Brigid Carla Carmen Carol Cara Celia Charlotte Chiara Chloe Cora Dalia Dana
Dawn Delia Diana Dina Dora Edith Ella Ellen Eloise Elena Emily Emma Erica Esther Etta Eva Eve Fatima Faye Fiona Flora
Frances Frida Gaby Gemma Gina Gloria Grace Gwen Hana Hanna Harriet Heidi Helen Helga Hilda Holly Ida Imani Indira
Ingrid Irene Irma Isla Jade Jana Jane Jasmin Jenny Jess Jill Joan Johanna Josie Joyce Judy Julia June Kaia Karen Karin
Kate Katya Keiko Kiara Kim Kira Klara Lana Lara Laura Layla Lea Leila Lena Leonie Lia Lila Lily Lin Lina Lisa Liv Livia
Lola Lotte Lucia Lucy Lydia Mabel Maja Malia Margot Maria Marie Marina Marta Martha Matilda Maya Megan Mei Mia Mila
Mimi Mina Mira Miriam Molly Mona Nadia Naomi Nia Nina Noor Nora Olga Olive Olivia Paula Pearl Petra Phoebe Pia Polly
Rachel Rania Reba Rhea Rita Robyn Rosa Rosie Ruby Ruth Sadie Sally Salma Samira Sandra Sara Sasha Selene Shreya Signe
Sofia Sonia Stella Sue Suki Susan Sylvia Tamara Tanya Tara Tess Thea Tina Toni Tuva Ulla Una Ursula Valerie Vivian
Willa Wilma Xenia Yara Yasmin Yoko Yvonne Zahra Zoe
`)

export const trainingMaleNames: readonly string[] = words(`
Aaron Abdul Adam Ahmed Alan Albert Alec Alex Alfie Ali Alvin Amir Andre Andy Angus Anil Ari Arlo Arthur Asher Axel
Barry Ben Benno Bert Bill Bjorn Bob Boris Brian Bram Caleb Carl Carlos Cedric Chad Charlie Chen Chris Cody Colin Conor
Cyrus Dan Daniel Dara Dave David Dean Deng Diego Dirk Dmitri Don Doug Duncan Dylan Ed Eddie Eli Elias Emil Enzo Eric
Erik Ernie Ethan Evan Ezra Fabio Farid Faris Fergus Finn Floyd Frank Fred Fritz Gabe Gareth Gary George Gerald Gil
Glen Goran Graham Greg Guido Hal Hamid Hank Hans Harry Hassan Hector Henk Henry Hiro Howard Ian Ibrahim Igor Ike Ivan
Jack Jacob Jake Jamal James Jan Jared Jason Javier Jay Jens Jim Joe Joel John Jordan Jorge Josh Juan Julian Jun Kai
Kamal Karim Karl Keith Ken Kenji Kevin Kurt Kyle Lars Laurent Lee Lennart Leo Leon Lewis Liam Logan Louis Luca Lucas
Luis Luke Magnus Malik Marc Marco Mario Mark Martin Matteo Max Mehmet Micah Miguel Mike Miles Mohan Morris Nathan Ned
Neil Nick Nico Niels Nigel Noah Noel Norman Oliver Omar Orson Otis Otto Owen Pablo Pascal Patrick Paul Pavel Pedro
Pete Peter Phil Quentin Quinn Rafael Raj Ralph Ramon Ravi Ray Reza Rick Rob Robert Rohan Roman Ron Ross Roy Ryan Sam
Samir Samuel Scott Sean Sergio Seth Sid Simon Sol Stefan Steve Sven Tariq Ted Terry Thomas Tim Timo Tom Toby Tony
Trevor Tyler Umar Uri Victor Vikram Vince Walter Warren Wayne Wei Will Xavier Yanis Yosef Yusuf Zac Zane
`)

export const heldOutFemaleNames: readonly string[] = words(`
Abigail Beatrix Camille Cordelia Dorothea Eleanor Fernanda Ginevra Henrietta Isabel Jolanda Kerstin Leticia Madeleine
Natasha Ophelia Paloma Ramona Savannah Tabitha Umeko Veronica Winifred Xiomara Yolanda Zuleika Marigold Rosalind
Philippa Anneliese Bridget Tamsin Nerys Saoirse Oluchi Ngozi Kalinda Mirabel Evangeline Constance
`)

export const heldOutMaleNames: readonly string[] = words(`
Alistair Bartholomew Clement Dominic Emmanuel Francisco Gideon Humphrey Ignatius Jeremiah Kristoff Lorenzo Maximilian
Nathaniel Osborne Plutarco Quincy Reginald Sebastian Thaddeus Ulrich Valentino Wolfgang Xander Yevgeny Zachary
Benedict Rupert Mortimer Leopold Ferdinand Cuthbert Olumide Chidi Takeshi Rodrigo Anselm Barnaby Torsten Desmond
`)

const onsets = words('b br c ch d dr f fl g gr h j k l m n p pr qu r s sh st t tr v w y z')
const vowels = words('a a a e e e i i o o u ai ea ia oo')
const codas = words('b d k l m n n n r r s t x ld nd rt ss ck')

/** The made-up words of the evaluation, which no table knows and no training text has. */
export const heldOutUnknownWords: readonly string[] = words('blick zorp wug dax fep gorp tove mims').flatMap((start) =>
  words('et le ing oo ter').map((end) => start + end),
)
const reservedUnknownWords = new Set(heldOutUnknownWords)

/** An invented name or noun, so that it must be copied and not remembered; `pick` draws one element of a list. */
export function inventedWord(pick: (items: readonly string[]) => string, syllables: number): string {
  for (;;) {
    let word = ''
    for (let index = 0; index < syllables; index++) word += pick(onsets) + pick(vowels)
    word += pick(codas)
    if (!reservedUnknownWords.has(word)) return word
  }
}
