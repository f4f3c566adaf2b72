import type { ApiFailure } from '../api.ts'

export function Failure({ failure }: { failure: ApiFailure }) {
  return (
    <p class="notice notice-bad" role="alert">
      <strong>{failure.message}</strong> {failure.todo}
    </p>
  )
}
