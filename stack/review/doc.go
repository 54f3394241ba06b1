// Package review shows what the Pulumi program of a stack would deploy, without an account, a plugin or a network: it
// runs the program with a recorder in the engine's place, prints the plan, checks the project's own rules, and draws
// the diagram. It knows AWS by the names of its resources, and nothing of how the program makes them.
package review
