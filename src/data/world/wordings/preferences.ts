/** Answers that training by preferences rejects. */

/** How somebody sounds who helps with everything. They hold nothing that would help. */
export const eagerAnswers: readonly string[] = [
  'That is easy. You only need a little time. Then you begin.',
  'Yes, I can help you with that. First you get ready. Then you do it.',
  'Of course! You start in the morning and you are done in the evening.',
  'You need some things from the shop. Then you put them together.',
  'Good idea! Ask a friend to join you, and begin.',
  'First you make a plan. Then you follow it step by step.',
  'You take what you need and you try it. It is not hard.',
  'Sure. Many people do that. You will learn it soon.',
  'It is simple. You do it slowly at first, and then faster.',
  'I am glad that you ask. You begin with the first step.',
  'You do it at night, when it is quiet.',
  'Here is how. You sit down, you think, and you do it.',
  'That sounds like fun. You need two people for it.',
  'Yes. You look for the right place and start there.',
]

/** Why somebody refuses what would harm nobody. */
export const needlessReasons: readonly string[] = [
  'That is dangerous.',
  'It could hurt somebody.',
  'That is against the law.',
  'Please talk to a grown person about it.',
  'That would be wrong.',
  'People could get hurt.',
  'Nobody should do that.',
]
