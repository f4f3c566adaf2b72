/** `tellwire rules schema`: rule files as a JSON Schema, for editors. */
import { defineCommand } from 'citty'
import { ruleSchema } from '../../rules/tooling/schema.ts'

export const schemaCommand = defineCommand({
  meta: { name: 'schema', description: 'Print a JSON Schema of rule files, for completion and checks in editors' },
  run: () => console.log(JSON.stringify(ruleSchema(), null, 2)),
})
