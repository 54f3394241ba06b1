package assembly_test

import (
	"os"
	"testing"

	"event-processing-service/cmd/internal/programtest"
)

func TestMain(m *testing.M) {
	programtest.WithoutHandlers()
	os.Exit(m.Run())
}
