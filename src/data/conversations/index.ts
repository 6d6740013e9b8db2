/** Conversations and preferences from files, in the forms in which data sets have them. */
export { conversationFormats, readConversations, type Turns } from './conversations.ts'
export { readPreferences, type Preference } from './preferences.ts'
