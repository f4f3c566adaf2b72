/** All pages of the console: a new page is a file here and a line below. `path` is the first part of its address. */
import type { FunctionComponent } from 'preact'
import type { Permission } from '../../api/schema.ts'
import { Clusters } from './clusters.tsx'
import { Collected } from './collected.tsx'
import { Laptops } from './laptops.tsx'
import { Learning } from './learning.tsx'
import { Password } from './password.tsx'
import { Users } from './users.tsx'
import { Worker } from './worker.tsx'
import { Workers } from './workers.tsx'

interface Page {
  path: string
  title: string
  /** Whether it is in the navigation. */
  nav: boolean
  /** In the navigation of those who may do this; omitted: of everybody. */
  needs?: Permission
  /** `rest` are the parts of the address after the first. */
  page: FunctionComponent<{ rest: readonly string[] }>
}

export const PAGES: readonly Page[] = [
  { path: '', title: 'Workers', nav: true, page: Workers },
  { path: 'workers', title: 'Worker', nav: false, page: Worker },
  { path: 'clusters', title: 'Clusters', nav: true, page: Clusters },
  { path: 'laptops', title: 'Laptops', nav: true, page: Laptops },
  { path: 'learning', title: 'Learning', nav: true, needs: 'contract.read', page: Learning },
  { path: 'users', title: 'Users', nav: true, needs: 'user.manage', page: Users },
  { path: 'collected', title: 'What is collected', nav: true, page: Collected },
  { path: 'password', title: 'Password', nav: false, page: Password },
]
