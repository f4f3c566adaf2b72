/** All requests to the server: JSON, same-origin. A refusal is an `ApiFailure` with the server's text. */
import type { ApiError } from '../api/schema.ts'

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly status: number
  readonly code: string
  readonly todo: string | null

  constructor(status: number, error: ApiError) {
    super(error.message)
    this.status = status
    this.code = error.code
    this.todo = error.todo
  }
}

/** Status 0: no response. */
export async function ask<T>(path: string, options: Sent = {}): Promise<T> {
  const response = await answered(path, options)
  return response.status === 204 ? (undefined as T) : ((await response.json().catch(() => null)) as T)
}

/** Makes a file of what the server answers, for the browser to keep as `name`. */
export async function download(path: string, name: string): Promise<void> {
  const response = await answered(path, { method: 'POST' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await response.blob())
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}

interface Sent {
  method?: string
  body?: unknown
}

async function answered(path: string, { method = 'GET', body }: Sent): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    })
  } catch {
    throw new ApiFailure(0, {
      code: 'offline',
      message: 'The server did not answer.',
      where: null,
      todo: 'Check that it runs and that you can reach it.',
    })
  }
  if (response.ok) return response
  const answer: unknown = await response.json().catch(() => null)
  throw new ApiFailure(response.status, isApiError(answer) ? answer : unreadable(response.status))
}

function isApiError(answer: unknown): answer is ApiError {
  return typeof answer === 'object' && answer !== null && 'code' in answer && 'message' in answer
}

function unreadable(status: number): ApiError {
  return { code: 'unreadable', message: `The server answered ${status}.`, where: null, todo: 'Reload the page.' }
}
