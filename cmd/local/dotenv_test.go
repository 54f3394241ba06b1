package main

import (
	"os"
	"testing"

	"event-processing-service/cmd/internal/dotenv"
)

// The whole way: what is in the file of the directory is what the program reads.
func TestTheProgramReadsTheFileOfItsDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(dotenv.File, []byte("MAX_ATTEMPTS=none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAX_ATTEMPTS", "") // to be put back after the test
	os.Unsetenv("MAX_ATTEMPTS")
	if code := execute(nil); code != 2 || os.Getenv("MAX_ATTEMPTS") != "none" {
		t.Errorf("it ends with %d, and MAX_ATTEMPTS is %q", code, os.Getenv("MAX_ATTEMPTS"))
	}
}
