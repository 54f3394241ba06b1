package console

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func steps(n int, state State) []Step {
	all := make([]Step, n)
	for i := range all {
		all[i] = Step{State: state, Source: "/s", ID: fmt.Sprint(i)}
	}
	return all
}

func TestAnEventThatIsShownIsShownToItsEnd(t *testing.T) {
	var s sampler
	shown := map[string]bool{}
	for _, step := range s.choose(steps(5000, Accepted)) {
		shown[step.ID] = true
	}
	if len(shown) == 0 || len(shown) > maxFollowed {
		t.Fatalf("%d of 5000 events are shown", len(shown))
	}
	for _, step := range s.choose(steps(5000, Processed)) {
		delete(shown, step.ID)
	}
	if len(shown) > 0 {
		t.Errorf("%d events are begun on the page and not ended", len(shown))
	}
}

func TestTroubleIsNotSampledAway(t *testing.T) {
	all := steps(20_000, Processed)
	all[777].State = DeadLettered
	var s sampler
	for _, step := range s.choose(all) {
		if step.State == DeadLettered {
			return
		}
	}
	t.Error("the one dead letter is not shown")
}

func TestAPageIsToldABoundedNumberOfStepsATick(t *testing.T) {
	var s sampler
	for range 10 {
		if n := len(s.choose(steps(20_000, Retrying))); n > maxFollowed+maxPerTick+maxTroubles {
			t.Errorf("%d steps are told at once", n)
		}
	}
}

func TestTheJournalForgetsTheOldestRatherThanGrow(t *testing.T) {
	j := NewJournal()
	huge := strings.Repeat("é", 1<<20)
	for i := range 60_000 {
		j.Add(Step{State: Retrying, Source: "/s", ID: fmt.Sprint(i), Type: huge, Error: huge, Stack: huge})
	}
	if j.bytes > journalBytes || j.count < 1000 {
		t.Errorf("it keeps %d steps of %d bytes", j.count, j.bytes)
	}
	if newest := j.of("/s", "59999"); len(newest) != 1 || len(newest[0].Stack) > maxStack+len("…") {
		t.Errorf("the newest is kept as %d steps", len(newest))
	}
	if oldest := j.of("/s", "0"); len(oldest) != 0 {
		t.Error("the oldest is kept")
	}
}

func TestLogLinesTellTheJournalHowFarAnEventIs(t *testing.T) {
	own, followed := NewJournal(), NewJournal()
	var lines strings.Builder
	logs := slog.New(own.Handler(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
	event := []any{"event_id", "1", "event_type", "order.created", "event_source", "/s", "topic", "events", "partition", 2,
		"offset", int64(7)}
	logs.Info("something else", event...)
	logs.Debug("attempt begins", append(event, "attempts", 1)...)
	logs.Warn("attempt failed", append(event, "attempts", 1, "error", "boom", "stack", "main.go:1")...)
	logs.Debug("next attempt waits", append(event, "attempts", 1, "next_in_ms", 300.0)...)
	logs.Info("event dead-lettered", append(event, "attempts", 5, "error", "boom")...)
	if err := followed.Follow(
		strings.NewReader("processor-1  | " + strings.ReplaceAll(lines.String(), "\n", "\nnot JSON\n"))); err != nil {
		t.Fatal(err)
	}
	for name, j := range map[string]*Journal{"its own log": own, "a log that is piped in": followed} {
		var got []string
		for _, s := range j.of("/s", "1") {
			got = append(got, fmt.Sprint(s.State, s.Attempt, s.NextMS, s.Error, s.Stack, *s.Place))
		}
		want := []string{"attempting1 0{events 2 7}", "retrying1 0boommain.go:1{events 2 7}", "retrying1 300{events 2 7}",
			"dead-lettered5 0boom{events 2 7}"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s tells\n%s", name, strings.Join(got, "\n"))
		}
	}
}

func TestTheOldestRecordIsReadOnceWhileItWaits(t *testing.T) {
	r := eventRecord(0, "a", "k", nil)
	r.Timestamp = time.Now().Add(-time.Hour)
	f := &topics{records: []event.Record{r}}
	p, known := open(t, f, nil), map[int32]firstWaiting{}
	for range 4 * oldestEvery {
		p.console.watch.look(t.Context(), known)
	}
	if now, _ := p.console.watch.state(); f.firsts != 1 || now.OldestMS < time.Hour.Milliseconds() {
		t.Errorf("it was read %d times, and has waited for %d ms", f.firsts, now.OldestMS)
	}
}

func TestClosingThePageEndsItsWork(t *testing.T) {
	f := &topics{looks: make(chan struct{}, 1000)}
	p := open(t, f, nil)
	following, followEnded := make(chan struct{}), make(chan struct{})
	p.console.parts.Follow = func(ctx context.Context) error {
		close(following)
		<-ctx.Done()
		close(followEnded)
		return nil
	}
	if len(f.looks) != 0 {
		t.Error("the brokers are asked before anybody looks")
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || line != "event: steps\n" {
		t.Errorf("the stream begins with %q, %v", line, err)
	}
	<-f.looks
	<-following
	cancel()
	select {
	case <-followEnded:
	case <-time.After(5 * time.Second):
		t.Fatal("the topics are followed although nobody looks")
	}
	for time.Sleep(50 * time.Millisecond); len(f.looks) > 0; {
		<-f.looks
	}
	time.Sleep(1200 * time.Millisecond)
	if len(f.looks) > 0 {
		t.Error("the brokers are asked although nobody looks")
	}
}

func TestALetterIsOpenUntilItsEventIsProcessedOrDeadAgain(t *testing.T) {
	l := letter(1, "boom")
	again := event.Place{Topic: "events.dlq", Offset: 9}
	for want, o := range map[string]event.Outcome{
		standsOpen:       {Status: event.StatusDeadLettered, Letter: l.Record.Place, Hops: 1},
		standsProcessed:  {Status: event.StatusProcessed, Hops: 1},
		standsSuperseded: {Status: event.StatusDeadLettered, Letter: again, Hops: 1},
	} {
		p := open(t, &topics{letters: []Letter{l}}, outcomes{l.Identity: o})
		if _, answer := p.ask(http.MethodGet, "/api/letters", ""); !strings.Contains(answer, `"stands":"`+want+`"`) {
			t.Errorf("it is not %s: %s", want, answer)
		}
		_, answer := p.ask(http.MethodPost, "/api/rehearse", `{}`)
		if isOpen := strings.Contains(answer, `"would_replay":1`); isOpen != (want == standsOpen) {
			t.Errorf("%s: a replay would take it: %t", want, isOpen)
		}
	}
}

func TestLettersOfOneCauseAreOneGroup(t *testing.T) {
	p := open(t, &topics{letters: []Letter{
		letter(1, `dial 10.0.0.1:80: refused for "ada"`), letter(2, `dial 10.0.0.25:81: refused for "bob"`),
		letter(3, "no stock"),
	}}, nil)
	_, answer := p.ask(http.MethodGet, "/api/letters", "")
	if strings.Count(answer, `"open":2,"types"`) != 1 || strings.Count(answer, `"open":1,"types"`) != 1 {
		t.Errorf("the groups are %s", answer)
	}
}

func TestAReplayTakesWhatIsChosenAtItsRateUntilItIsStopped(t *testing.T) {
	f := &topics{}
	for i := range int64(50) {
		f.letters = append(f.letters, letter(i, "boom"))
	}
	f.letters = append(f.letters, letter(60, "other"))
	p := open(t, f, nil)
	p.unlock()
	if status, answer := p.ask(http.MethodPost, "/api/replay", `{"error":"boom","rate":4}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	if status, _ := p.ask(http.MethodPost, "/api/replay", `{}`); status != http.StatusConflict {
		t.Errorf("a second replay beside the first is answered with %d", status)
	}
	if status, answer := p.ask(http.MethodPost, "/api/stop", `{}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	var s *replayStatus
	for s = p.console.repair.status(); s.Running; s = p.console.repair.status() {
		time.Sleep(5 * time.Millisecond)
	}
	if s.Total != 50 || s.Replayed < 1 || s.Replayed > 5 || s.Problem != "stopped" {
		t.Errorf("it ended as %+v", *s)
	}
}

func TestALetterThatFailedTooOftenOrIsIncompleteIsLeftAlone(t *testing.T) {
	l := letter(1, "boom")
	l.Hops = 4
	stranger := letter(2, "boom")
	stranger.Origin = event.Place{}
	incomplete := letter(3, "boom")
	incomplete.Omitted = "value"
	p := open(t, &topics{letters: []Letter{l, stranger, incomplete}}, nil)
	_, answer := p.ask(http.MethodPost, "/api/rehearse", `{}`)
	if !strings.Contains(answer, `"would_replay":0`) || !strings.Contains(answer, `"refused":3`) {
		t.Errorf("the dry run says %s", answer)
	}
}

// asleep is a store that does not answer in time.
type asleep struct{}

func (asleep) Outcome(ctx context.Context, _ event.Identity) (event.Outcome, bool, error) {
	<-ctx.Done()
	return event.Outcome{}, false, ctx.Err()
}

func TestALookAtMoreLettersThanItMayCostSaysSo(t *testing.T) {
	many := open(t, &topics{letters: make([]Letter, maxLetters+1)}, nil)
	if _, answer := many.ask(http.MethodGet, "/api/letters", ""); !strings.Contains(answer, `"cut":true`) {
		t.Errorf("of too many letters it says %.200s", answer)
	}
	slow := open(t, &topics{letters: []Letter{letter(1, "boom")}}, nil)
	slow.console.parts.Outcomes = asleep{}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var cut bool
	err := slow.console.eachLetter(ctx, &choice{}, func(*Letter, string) bool { return true }, &cut)
	if err != nil || !cut {
		t.Errorf("of a store that is slow it says %v, cut %t", err, cut)
	}
}
