# What prove prints at the end: what failed in full, what was skipped by name, remarks, totals.
# Knows nothing of what is tested. A line "# note: text" in a test's output is repeated here.
package Totals;
use strict;
use warnings;
use parent 'TAP::Formatter::File';

sub lines_of {
    my ($name) = @_;
    open my $file, '<', "$ENV{PERL_TEST_HARNESS_DUMP_TAP}/$name" or return "(no output)\n";
    return <$file>;
}

sub summary {
    my ($self, $aggregate, $interrupted) = @_;
    my ($passed, $failed, $skipped) = (0, 0, 0);
    my (@broken, @skips, @notes);

    for my $name ($aggregate->descriptions) {
        my ($parser) = $aggregate->parsers($name);
        my @bad      = $parser->failed;
        my @left_out = grep { my $number = $_; !grep { $_ == $number } @bad } $parser->skipped;

        $passed  += $parser->passed - @left_out;
        $skipped += @left_out;
        # A test that ended badly without a failed line counts as one failure.
        if ($parser->has_problems) {
            $failed += @bad || 1;
            push @broken, $name;
        }
        if ($parser->skip_all) {
            $skipped++;
            push @skips, "$name: " . $parser->skip_all;
        }
        for (lines_of($name)) {
            push @notes, "$name: $1"            if /^#\s*note: (.*)/;
            push @skips, "$name: $1" . ($2 // '') if /^ok\b[\s\d-]*(.*?)\s*#\s*skip\S*(\s.*)?/i;
        }
    }
    $self->SUPER::summary($aggregate, $interrupted);
    print "\n==== $_\n", lines_of($_) for @broken;
    print "\nskipped:\n", map { "  $_\n" } @skips if @skips;
    print "\nnotes:\n",   map { "  $_\n" } @notes if @notes;
    open my $totals, '>', $ENV{RUN_TOTALS} or die "$ENV{RUN_TOTALS}: $!";
    print $totals "$passed $failed $skipped\n";
    close $totals;
}

1;
