# formula.rb FILE   loads a formula with just enough of Homebrew's words, and installs from the working folder into nowhere: each
# file that it names has to be there.
require "pathname"

class Place
  def initialize(name) = @name = name

  def install(what)
    files = what.is_a?(Hash) ? what.keys : Array(what)
    abort "#{@name}: nothing to install" if files.empty?
    files.each { |each| File.exist?(each) || abort("#{@name}: there is no #{each}") }
    puts "#{@name}: #{files.join(" ")}"
  end

  def /(other) = "#{@name}/#{other}"
  def to_s = @name
end

class Formula
  %w[desc homepage version license url sha256 keep_alive log_path error_log_path].each { |word| define_singleton_method(word) { |*| } }
  %w[on_macos on_linux on_arm on_intel].each { |word| define_singleton_method(word) { |&block| block.call } }
  PLACES = %w[bin man1 man5 bash_completion fish_completion zsh_completion pkgshare opt_bin etc var opt_pkgshare].freeze
  PLACES.each do |word|
    define_method(word) { Place.new(word) }
    define_singleton_method(word) { Place.new(word) }
  end
  def self.run(words) = words.each { |word| word.is_a?(String) || abort("service: #{word.inspect}") }
  def self.service(&block) = instance_eval(&block)
  def self.test = nil
end

load ARGV.fetch(0)
Frontgate.new.install
puts Frontgate.new.caveats
