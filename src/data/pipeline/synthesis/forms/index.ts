/** The forms that a plan may ask for. */
import { conversation } from './conversation.ts'
import { exercise } from './exercise.ts'
import type { Form } from './form.ts'
import { question } from './question.ts'
import { textbook } from './textbook.ts'

export const forms = { textbook, exercise, conversation, question } as const satisfies Record<string, Form>

export type FormName = keyof typeof forms

export const formNames = Object.keys(forms) as FormName[]

export type { Draft } from './form.ts'
