package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Messages of the archiver's log, which CloudWatch counts. A test compares them with archive/consumer.
var archiveLines = []struct {
	Metric   string
	Messages []string
}{
	{archiveFailures, []string{"cannot write to the archive", "cannot read from Kafka"}},
	{archiveGaps, []string{"records expired before they were archived"}},
}

const archiveFailures, archiveGaps = "ArchiveFailures", "ArchiveGaps"

// archiveMetric counts lines of the archiver's log. Such a metric can only have dimensions that the line has, so the
// namespace has the stack's name.
func archiveMetric(stack, name string) metric {
	return metric{ownNamespace + "/" + stack, name, "Sum", nil}
}

// countLines makes the metrics of the archiver's log.
func countLines(ctx *pulumi.Context, stack string, logs *cloudwatch.LogGroup, child pulumi.ResourceOption) error {
	for _, l := range archiveLines {
		m := archiveMetric(stack, l.Metric)
		if _, err := cloudwatch.NewLogMetricFilter(ctx, l.Metric, &cloudwatch.LogMetricFilterArgs{
			Name: pulumi.String(l.Metric), LogGroupName: logs.Name, Pattern: pulumi.String(filterPattern(l.Messages...)),
			MetricTransformation: &cloudwatch.LogMetricFilterMetricTransformationArgs{
				Name: pulumi.String(m.Name), Namespace: pulumi.String(m.Namespace), Value: pulumi.String("1"),
			},
		}, child); err != nil {
			return fmt.Errorf("count lines of the archiver's log as %s: %w", l.Metric, err)
		}
	}
	return nil
}

// archiveLag is how many seconds the archiver is behind, for each topic.
func archiveLag(c config) (all []metric) {
	for _, topic := range c.archivedTopics() {
		all = append(all, groupLag("EstimatedMaxTimeLag", c, topic, archiveGroup(c.Name)))
	}
	return all
}

// archiveAlarms go off before records are missing from the archive. Clients and processors would not notice.
func archiveAlarms(c config) []alarm {
	if !c.Archive.Enabled {
		return nil
	}
	lag := archiveLag(c)
	list := []alarm{
		{Kind: "archive-task", What: "For a quarter of an hour no task of the archiver has run.",
			// ECS reports the CPU of each task each minute for nothing. A metric of the number of tasks costs money.
			Metric: serviceMetric(c, "archive", "CPUUtilization", "SampleCount"), Below: true, Threshold: 1, Of: 15, In: 15,
			MissingMeans: quietIsBad},
		{Kind: "archive-failing", What: "The archiver can't write to its bucket, or not read from Kafka.",
			Metric: archiveMetric(c.Name, archiveFailures), Threshold: 0, Of: 5, In: 5, MissingMeans: quietIsGood},
		{Kind: "archive-lag", What: fmt.Sprintf("Records wait for the archive for over %g h, half of the time until Kafka "+
			"deletes them.", float64(c.archiveDeadline())/2/3600),
			Math: largestOf(len(lag)), Inputs: lag, Threshold: float64(c.archiveDeadline()) / 2, Of: 3, In: 5,
			MissingMeans: quietIsSame},
		{Kind: "archive-gap", What: "Kafka deleted records before they were archived.",
			Metric: archiveMetric(c.Name, archiveGaps), Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood},
	}
	if c.Archive.ReplicateTo != "" {
		// S3 reports this metric in the source's region, and the other metrics of replication in the destination's.
		list = append(list, alarm{Kind: "archive-copies",
			What: "S3 could not copy an object of the archive to the other region.",
			Metric: metric{"AWS/S3", "OperationsFailedReplication", "Sum", map[string]string{
				"SourceBucket": theArchive, "DestinationBucket": theCopies, "RuleId": copyRule}},
			Threshold: 0, Of: 1, In: 1, MissingMeans: quietIsGood})
	}
	return list
}

// largestOf is the expression for the largest of m0, m1, … A topic without data counts as 0: nobody reads it, so
// nobody is behind.
func largestOf(n int) string {
	list := ""
	for i := range n {
		list += fmt.Sprintf(",FILL(m%d,0)", i)
	}
	return "MAX([" + list[1:] + "])"
}

// archiveRow is the dashboard's.
func (p *page) archiveRow(c config) {
	p.row("Is everything archived?",
		p.chart("Seconds behind", archiveLag(c)...),
		p.chart("Lines of failure, a minute", archiveMetric(c.Name, archiveFailures), archiveMetric(c.Name, archiveGaps)),
		p.chart("CPU and memory of the archiver, per cent", serviceMetric(c, "archive", "CPUUtilization", "Average"),
			serviceMetric(c, "archive", "MemoryUtilization", "Maximum")))
}
