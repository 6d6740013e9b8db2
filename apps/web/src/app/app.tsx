import { BenchmarkScreen } from '../benchmark/benchmark-screen.tsx'
import { announcement } from '../conversations/answering.ts'
import { ChatScreen } from '../conversations/chat-screen.tsx'
import { Sidebar } from '../conversations/sidebar.tsx'
import { DocumentsScreen } from '../documents/documents-screen.tsx'
import { ModelsScreen } from '../models/models-screen.tsx'
import { SettingsScreen } from '../settings/settings-screen.tsx'
import { Button } from './button.tsx'
import { isListOpen } from './layout.ts'
import { reloadOffer } from './offline.ts'
import { route } from './route.ts'
import { UnknownScreen } from './unknown-screen.tsx'

export function App() {
  return (
    <>
      <Sidebar />
      {/* What the open list covers cannot be reached. */}
      <div class="stage" inert={isListOpen.value}>
        <OpenScreen />
      </div>
      <Offer />
      <div class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  )
}

function OpenScreen() {
  switch (route.value.screen) {
    case 'chat':
      return <ChatScreen />
    case 'models':
      return <ModelsScreen />
    case 'documents':
      return <DocumentsScreen />
    case 'settings':
      return <SettingsScreen />
    case 'benchmark':
      return <BenchmarkScreen />
    case 'unknown':
      return <UnknownScreen />
  }
}

function Offer() {
  if (reloadOffer.value === undefined) return undefined
  const { reason, reload } = reloadOffer.value
  return (
    <div class="toast" role="status">
      {reason}
      <Button onClick={reload}>Reload</Button>
    </div>
  )
}
