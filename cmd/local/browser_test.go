//go:build browser

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"event-processing-service/cmd/internal/programtest"
)

// The tests with this tag drive a real browser: CONSOLE_BROWSER, or chromium on the PATH.

// opened runs the whole service, and gives the address that it prints for the console.
func opened(t *testing.T, pairs ...string) (console string, kafkaPort int, api string) {
	t.Helper()
	kafkaPort = freePort(t)
	port := freePort(t)
	args := []string{"--port", strconv.Itoa(port), "--kafka-port", strconv.Itoa(kafkaPort), "--console-port",
		strconv.Itoa(freePort(t))}
	env, err := readSettings(args, environmentOf(pairs...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	printed := new(programtest.Output)
	inBackground(t, env, slog.New(slog.DiscardHandler), printed)
	link := regexp.MustCompile(`http://localhost:\d+/#token=[\w-]+`)
	eventually(t, "ready", func() bool { console = link.FindString(printed.String()); return console != "" })
	return console, kafkaPort, fmt.Sprintf("http://127.0.0.1:%d", port)
}

// browser is one page, of this size, light or dark.
type browser struct {
	*testing.T
	ctx    context.Context
	errors *programtest.Output
}

func browse(t *testing.T, width, height int64, scheme string) *browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.DisableGPU,
		chromedp.NoSandbox, // CI's user is root
		chromedp.Flag("disable-quic", true), chromedp.Flag("enable-precise-memory-info", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-prefers-reduced-motion", true))
	if path := os.Getenv("CONSOLE_BROWSER"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	allocated, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	tab, cancelTab := chromedp.NewContext(allocated)
	if err := chromedp.Do(tab, chromedp.EmulateViewport(width, height)); err != nil { // which starts the browser
		t.Fatalf("start the browser: %v", err)
	}
	ctx, cancelTime := context.WithTimeout(tab, 3*time.Minute)
	b := &browser{t, ctx, new(programtest.Output)}
	t.Cleanup(func() {
		if t.Failed() {
			b.shoot("failed-" + t.Name())
		}
		cancelTime()
		cancelTab()
		cancelAllocator()
		if said := b.errors.String(); said != "" {
			t.Errorf("the browser complains: %s", said)
		}
	})
	complaints := chromedp.Console(ctx)
	go func() {
		for m, err := range complaints {
			if err == nil && (m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException) {
				fmt.Fprintln(b.errors, m.Text)
			}
		}
	}()
	media := emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	b.run(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, media)
		return err
	}))
	return b
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatalf("the browser: %v", err)
	}
}

// evaluate is what a script returns.
func evaluate[T any](b *browser, script string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.Fatalf("the browser: %v", err)
	}
	return value
}

// says waits until the text of what the selector finds has what the pattern asks for.
func (b *browser) says(selector, pattern string) {
	b.Helper()
	wanted := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		script := fmt.Sprintf("[...document.querySelectorAll(%q)].map((e) => e.innerText).join('\\n')", selector)
		text := evaluate[string](b, script)
		if wanted.MatchString(text) {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s does not say %q but %q", selector, pattern, text)
		}
	}
}

// press clicks the button, or follows the link, that has this text.
func (b *browser) press(text string) {
	b.Helper()
	path := fmt.Sprintf(`(//main//*[self::button or self::a][not(@disabled)][contains(normalize-space(.), %q)])[1]`, text)
	b.run(chromedp.WaitVisible(path), chromedp.ScrollIntoView(path),
		chromedp.Click(path))
}

func (b *browser) view(name string) {
	b.Helper()
	b.run(chromedp.Click(fmt.Sprintf(`nav a[href="#/%s"]`, name)))
}

// judge asks axe-core, of which CONSOLE_AXE is the file, whether people who can't see, or not use a mouse, can use the
// page.
func (b *browser) judge() {
	b.Helper()
	path := os.Getenv("CONSOLE_AXE")
	if path == "" {
		return
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	const run = `axe.run(document).then((r) => JSON.stringify(r.violations.map((v) => [v.impact, v.id, v.nodes.map((n) ` +
		`=> n.html)])))`
	evaluate[any](b, string(axe)+"; undefined")
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("axe: %v", err)
	}
	if found != "[]" {
		b.Errorf("axe finds %s", found)
	}
}

// shoot keeps a picture where CONSOLE_SHOTS says, for people.
func (b *browser) shoot(name string) {
	folder := os.Getenv("CONSOLE_SHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Logf("no picture of %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png"), png, 0o600); err != nil {
		b.Fatal(err)
	}
}
