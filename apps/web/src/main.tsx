import './app/trusted-types.ts'
import './styles/base.css'
import './styles/controls.css'
import './styles/layout.css'
import './styles/conversations.css'
import './styles/screens.css'
import { render } from 'preact'
import { App } from './app/app.tsx'
import { keepOffline } from './app/offline.ts'
import { followKeyboard } from './app/viewport.ts'
import { refreshHeadings } from './conversations/conversations.ts'
import { refreshDocuments } from './documents/documents.ts'
import { loadModel } from './models/session.ts'
import { choiceOf } from './models/sources.ts'
import { settings } from './settings/settings.ts'

// First, because it takes longest.
void loadModel(choiceOf(settings.value.model))

const place = document.querySelector('#app')
if (place === null) throw new Error('defect: index.html has no place for the page')
render(<App />, place)

void refreshHeadings()
void refreshDocuments()
followKeyboard()
keepOffline()
