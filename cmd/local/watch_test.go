package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the source of one that says a word and runs until it is ended.
func program(word string) string {
	return `package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	fmt.Println("` + word + `", os.Args[1:])
	<-ended
	fmt.Println("end of ` + word + `")
}
`
}

func TestAChangeOfTheSourcesStartsTheProgramAnewUnlessItDoesNotCompile(t *testing.T) {
	module := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module watched\n\ngo 1.24\n")
	write("main.go", program("first"))
	out, errs := new(output), new(output)
	w := watcher{
		module: module, program: ".", args: []string{"--data", "d"}, out: out, errs: errs, every: 20 * time.Millisecond,
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	says := func(from *output, part string) {
		t.Helper()
		begun := time.Now()
		for !strings.Contains(from.String(), part) {
			if time.Sleep(10 * time.Millisecond); time.Since(begun) > time.Minute {
				t.Fatalf("it never says %q:\n%s\n%s", part, out, errs)
			}
		}
	}
	says(out, "first [--data d]\n")
	write("main.go", "package main\n\nfunc main() { broken }\n")
	says(errs, "undefined: broken")
	says(errs, "watch: the build failed; what was built before goes on")
	if strings.Contains(out.String(), "end of first") {
		t.Error("the old program was ended for one that does not compile")
	}
	write("main.go", program("second"))
	says(out, "end of first\nsecond [--data d]\n")
	said := out.String()
	write("main_test.go", "package main\n")
	write("main.go", program("second")+"// a comment\n")
	says(errs, "watch: main.go changed")
	says(out, said+"end of second\nsecond")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
	if !strings.HasSuffix(out.String(), "end of second\n") {
		t.Errorf("it left its program behind: %s", out)
	}
}

func TestAProgramThatEndsByItselfIsStartedAnewByAChange(t *testing.T) {
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module watched\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() { panic(\"no port\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, errs := new(output), new(output)
	w := watcher{module: module, program: ".", out: out, errs: errs, every: 20 * time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	wait := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s, never:\n%s", what, errs)
			}
		}
	}
	wait("it says how the program ended", func() bool {
		return strings.Contains(errs.String(), "watch: the program ended: exit status 2; a change restarts it")
	})
	if err := os.WriteFile(filepath.Join(module, "main.go"), []byte(program("well")), 0o600); err != nil {
		t.Fatal(err)
	}
	wait("it starts anew", func() bool { return strings.Contains(out.String(), "well") })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}
