import { BenchmarkScreen } from '../benchmark/benchmark-screen.tsx'
import { announcement } from '../conversations/answering.ts'
import { ChatScreen } from '../conversations/chat-screen.tsx'
import { Sidebar } from '../conversations/sidebar.tsx'
import { ModelsScreen } from '../models/models-screen.tsx'
import { SettingsScreen } from '../settings/settings-screen.tsx'
import { Button } from './button.tsx'
import { isListOpen } from './layout.ts'
import { newerVersion, takeOver } from './offline.ts'
import { route } from './route.ts'

export function App() {
  return (
    <>
      <Sidebar />
      {/* What the open list covers cannot be reached. */}
      <div class="stage" inert={isListOpen.value}>
        <OpenScreen />
      </div>
      <NewerVersion />
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
    case 'settings':
      return <SettingsScreen />
    case 'benchmark':
      return <BenchmarkScreen />
  }
}

function NewerVersion() {
  if (newerVersion.value === undefined) return undefined
  return (
    <div class="toast" role="status">
      A newer version is here.
      <Button onClick={takeOver}>Reload</Button>
    </div>
  )
}
