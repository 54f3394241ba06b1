// Command api serves the HTTP API. Its environment is described in the README. `api healthcheck` asks a running one
// whether it lives, and is the container's health check, as the image has nothing else to ask with.
package main

import (
	"os"

	"event-processing-service/cmd/api/server"
)

func main() { os.Exit(server.Main(os.Args[1:])) }
