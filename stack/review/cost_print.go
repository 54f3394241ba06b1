package review

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteBill prints a bill, line by line.
func WriteBill(w io.Writer, b Bill) {
	fmt.Fprintf(w, "%s, US dollars a month of %d hours; list prices of us-east-1, %s, without free tiers and tax\n\n",
		b.Stack, hoursAMonth, PricesAsOf)
	if b.Region != "us-east-1" && b.Region != "" {
		fmt.Fprintf(w, "The stack is in %s, where prices differ.\n\n", b.Region)
	}
	b.writeLines(w, false)
	fmt.Fprintf(w, "%-24s %9.2f\n", "idle", b.Idle())
	if b.Load.Events > 0 {
		millions := b.Load.Events * secondsAMonth / million
		fmt.Fprintf(w, "\nat %g events a second, posted one by one: %.4g million a month\n", b.Load.Events, millions)
		b.writeLines(w, true)
		fmt.Fprintf(w, "%-24s %9.2f   %.2f a million events\n", "by events", b.Total()-b.Idle(),
			(b.Total()-b.Idle())/millions)
		fmt.Fprintf(w, "%-24s %9.2f\n", "all", b.Total())
	}
	if len(b.ByUse) > 0 {
		fmt.Fprintf(w, "\npaid by what is stored or sent, and in no sum\n  %s\n", strings.Join(b.ByUse, "\n  "))
	}
	if len(b.NotPriced) > 0 {
		fmt.Fprintf(w, "\nnot priced\n  %s\n", strings.Join(b.NotPriced, "\n  "))
	}
}

func (b Bill) writeLines(w io.Writer, byEvents bool) {
	for _, l := range b.Lines {
		if l.ByEvents == byEvents {
			fmt.Fprintf(w, "%-24s %9.2f   %s\n", l.What, l.Monthly, l.Arithmetic)
		}
	}
}

// drivers says what makes each part more or less expensive, for docs/deploying.md.
var drivers = []struct{ part, by string }{
	{partBrokers, "`kafka.instanceType` × `kafka.brokers`"},
	{partDisks, "`kafka.volumeGiB` × `kafka.brokers`: they grow, never shrink"},
	{partNAT, "`network.natGateways`: 32.85 each, 3.65 for its address; and 0.045 a GB through them"},
	{partEndpoints, "`network.endpoints`: services × zones, 7.30 each; and 0.01 a GB through them"},
	{partBalancer, "zones (an address each), then requests"},
	{partFirewall, "its rules, then requests"},
	{partTasks, "`api.minTasks` × their size; autoscaling adds to it"},
	{partPollers, "`processor.provisioned`: one unit, up to 10 pollers"},
	{partWatching, "0.10 for each metric that an alarm looks at, 3 for the dashboard"},
	{partAPI, "`metrics.enabled` and `metrics.clients`: 0.30 a metric"},
	{partArchive, "`archive.enabled`: a task; then what is archived"},
	{partCache, "`cache.enabled`: the least that there is, 0.1 GB"},
	{partCanary, "`canary.enabled`: metrics, and a check each `canary.everyMinutes`"},
	{partKeys, "a key 1, a secret 0.40"},
}

// BillsTable is the table of docs/deploying.md: what stacks cost idle, by part, and under load.
func BillsTable(bills []Bill) string {
	var table strings.Builder
	row := func(what string, figure func(Bill) float64, digits int, by string) {
		fmt.Fprintf(&table, "| %s |", what)
		for _, b := range bills {
			fmt.Fprintf(&table, " %.*f |", digits, figure(b))
		}
		fmt.Fprintf(&table, " %s |\n", by)
	}
	head, rule := "| a month |", "| --- |"
	for _, b := range bills {
		head, rule = head+" "+b.Stack+" |", rule+" --: |"
	}
	fmt.Fprintf(&table, "%s what drives it |\n%s --- |\n", head, rule)
	for _, d := range drivers {
		if !slices.ContainsFunc(bills, func(b Bill) bool { return b.Part(d.part) > 0 }) {
			continue
		}
		row(d.part, func(b Bill) float64 { return b.Part(d.part) }, 0, d.by)
	}
	row("**Sum, idle**", Bill.Idle, 0, "")
	load := bills[0].Load.Events
	row(fmt.Sprintf("%g events a second all month", load), Bill.Total, 0, "posted one by one")
	row("A million of these", func(b Bill) float64 {
		return (b.Total() - b.Idle()) / (load * secondsAMonth / million)
	}, 2, "the table; traces × `tracing.sampleRatio`; log lines")
	return table.String()
}
