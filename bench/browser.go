package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	pages "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// browser is chromium without a window and a graphics card, with one page: CONSOLE_BROWSER, or chromium on the PATH.
type browser struct {
	tab   context.Context
	close func()
}

// witness counts what the page draws, and how long its scripts take for that. It runs before the page's own scripts.
const witness = `(() => {
	const w = window.witness = { draws: 0, took: 0, longest: 0, long: 0 };
	const next = window.requestAnimationFrame.bind(window);
	window.requestAnimationFrame = (draw) => next((t) => {
		const began = performance.now();
		draw(t);
		const took = performance.now() - began;
		w.draws++; w.took += took; w.longest = Math.max(w.longest, took);
	});
	new PerformanceObserver((seen) => { w.long += seen.getEntries().length; }).observe({ type: "longtask" });
	w.frames = (ms) => new Promise((done) => {
		let frames = 0, worst = 0;
		const began = performance.now();
		let before = began;
		next(function count(t) {
			const now = performance.now();
			frames++; worst = Math.max(worst, now - before); before = now;
			if (now - began < ms) next(count); else done([frames * 1000 / (now - began), worst]);
		});
	});
})()`

func openBrowser(ctx context.Context) (*browser, error) {
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.DisableGPU,
		chromedp.NoSandbox, // CI's user is root
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if path := os.Getenv("CONSOLE_BROWSER"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	allocated, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	tab, cancelTab := chromedp.NewContext(allocated)
	b := &browser{tab: tab, close: func() { cancelTab(); cancelAllocator() }}
	err := chromedp.Do(tab, chromedp.EmulateViewport(1280, 800)) // which starts the browser
	if err == nil {
		_, err = chromedp.Call(tab, pages.AddScriptToEvaluateOnNewDocument,
			pages.AddScriptToEvaluateOnNewDocumentParams{Source: witness})
	}
	if err == nil { // times are the CPU's, as other work shares the cores
		_, err = chromedp.Call(tab, performance.Enable,
			performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	}
	if err != nil {
		b.close()
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	return b, nil
}

func (b *browser) open(url string) error {
	if err := chromedp.Do(b.tab, chromedp.Navigate(url)); err != nil {
		return fmt.Errorf("open %s: %w", url, err)
	}
	return nil
}

// ask is what a script of the bench's own returns.
func ask[T any](b *browser, script string) (T, error) {
	value, err := chromedp.Run(b.tab, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		return value, fmt.Errorf("ask the page: %w", err)
	}
	return value, nil
}

// await asks until a script returns true.
func (b *browser) await(ctx context.Context, script string) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		if is, err := ask[bool](b, script); err != nil || is {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the page never says %s", script)
}

// pageState is how the page is at one moment. Times are CPU times of its main thread since it was opened, in seconds.
type pageState struct {
	at                          time.Time
	task, script, layout, style float64
	heap, nodes                 float64
	seen                        sight
	browser                     float64 // CPU time of all of the browser's processes
}

// sight is what the witness counted: draws, how long the page's scripts took for all and for the longest of them, in
// milliseconds of the clock, and tasks of more than 50 ms.
type sight struct{ Draws, Took, Longest, Long float64 }

func (b *browser) state() (s pageState, err error) {
	s.at = time.Now()
	got, err := chromedp.Call(b.tab, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		return s, fmt.Errorf("ask for the page's metrics: %w", err)
	}
	where := map[string]*float64{"TaskDuration": &s.task, "ScriptDuration": &s.script, "LayoutDuration": &s.layout,
		"RecalcStyleDuration": &s.style, "JSHeapUsedSize": &s.heap, "Nodes": &s.nodes}
	for _, m := range got.Metrics {
		if into := where[m.Name]; into != nil {
			*into = m.Value
		}
	}
	if s.seen, err = ask[sight](b,
		`({ Draws: witness.draws, Took: witness.took, Longest: witness.longest, Long: witness.long })`); err != nil {
		return s, err
	}
	processes, err := b.processes()
	for _, p := range processes {
		s.browser += p.CPUTime
	}
	return s, err
}

func (b *browser) processes() ([]*systeminfo.ProcessInfo, error) {
	got, err := chromedp.CallBrowser(b.tab, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		return nil, fmt.Errorf("ask for the browser's processes: %w", err)
	}
	return got.ProcessInfo, nil
}

// collect frees what the page no longer holds, so that what is left is what it keeps.
func (b *browser) collect() error {
	if _, err := chromedp.Call(b.tab, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
		return fmt.Errorf("collect the page's garbage: %w", err)
	}
	return nil
}

// memory is the page's process's own memory, and all that it has resident, in bytes. Of several processes that draw
// pages, the larger ones' is the page's.
func (b *browser) memory() (own, resident int64, err error) {
	processes, err := b.processes()
	for _, p := range processes {
		if strings.EqualFold(p.Type, "renderer") {
			own, resident = max(own, status(int(p.ID), "RssAnon:")), max(resident, memoryOf(int(p.ID)))
		}
	}
	return own, resident, err
}
